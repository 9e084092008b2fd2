import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import type { Graph, Node, Value, Variable } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { verify } from '../src/graph/verify.js'
import { optimise } from '../src/optimise/index.js'
import { type Buffer, packArena, peakBytes, reservedBytes } from '../src/plan/arena.js'
import { planGraph } from '../src/plan/planner.js'
import { printPlan } from '../src/plan/print.js'
import { uniform } from './cases/case.js'
import { assertSame, feedsFor, results } from './support/graphs.js'
import { Machine } from './support/machine.js'
import { inferenceGraph, trainingGraph } from './support/networks.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const SHAPE = [4, 6]

const variableOf = (name: string, shape: readonly number[] = SHAPE): Variable => ({
  name,
  dtype: 'float32',
  shape,
  trainable: true,
})

/** Plans `graph` and runs the plan twice, its inputs written once, against the graph interpreted node by node. */
function planChecked(graph: Graph, workspace: (node: Node) => number = () => 0) {
  verify(graph)
  const plan = planGraph(graph, { workspace })
  assert.ok(plan.arenaBytes >= plan.lowerBoundBytes)
  const machine = new Machine(plan)
  const feeds = new Map(feedsFor(graph))
  for (const value of [...graph.inputs, ...graph.variables.keys()]) machine.write(value, feeds.get(value.name)!)
  for (let run = 0; run < 2; run++) {
    machine.run()
    const expected = results(graph, feeds)
    const content = (value: Value): Tensor => machine.read(value)
    const actual = new Map([
      ...graph.outputs.map((output): [string, Tensor] => [output.name, content(output)]),
      ...graph.updates.map(({ variable }): [string, Tensor] => [`new ${variable.name}`, content(variable)]),
    ])
    try {
      assertSame(actual, expected)
    } catch (error) {
      throw new Error(`run ${run}: ${(error as Error).message}\n${printPlan(plan)}`, { cause: error })
    }
    for (const { variable } of graph.updates)
      feeds.set(
        variable.name,
        new Tensor('float32', expected.get(`new ${variable.name}`)!.data, variable.shape as number[]),
      )
  }
  return plan
}

test('buffers alive at the same step are disjoint, and the arena holds them all', () => {
  const random = uniform(5)
  for (let round = 0; round < 60; round++) {
    const steps = 1 + Math.floor(random() * 20)
    const buffers: Buffer[] = Array.from({ length: Math.floor(random() * 40) }, () => {
      const start = Math.floor(random() * steps)
      return { bytes: Math.floor(random() ** 3 * 5000), start, end: start + Math.floor(random() * (steps - start)) }
    })
    const { offsets, bytes } = packArena(buffers)
    buffers.forEach((a, i) => {
      assert.ok(offsets[i] + a.bytes + 64 <= bytes)
      assert.is(offsets[i] % 64, 0)
      buffers.slice(0, i).forEach((b, j) => {
        const together = a.start <= b.end && b.start <= a.end
        const apart =
          offsets[i] + reservedBytes(a.bytes) <= offsets[j] || offsets[j] + reservedBytes(b.bytes) <= offsets[i]
        assert.ok(!together || apart)
      })
    })
    const peak = Math.max(
      0,
      ...Array.from({ length: steps }, (_, step) =>
        buffers.reduce((sum, { bytes, start, end }) => sum + (start <= step && step <= end ? bytes : 0), 0),
      ),
    )
    assert.is(peakBytes(buffers, steps), peak)
    assert.ok(bytes >= peak)
  }
})

/** A graph of random ops over a few inputs, constants and variables, with updates and outputs of every kind. */
function randomGraph(seed: number): Graph {
  const random = uniform(seed)
  const below = (count: number) => Math.floor(random() * count)
  const builder = new GraphBuilder(`random ${seed}`)
  const variables = Array.from({ length: 4 }, (_, index) => variableOf(`variable${index}`))
  const values: Value[] = [
    builder.input('a', 'float32', SHAPE),
    builder.input('b', 'float32', SHAPE),
    builder.constant(Tensor.full('float32', SHAPE, 0.5)),
    ...variables.map((variable) => builder.variable(variable)),
  ]
  const rate = builder.scalar(0.1)
  const pick = () =>
    values[random() < 0.6 ? values.length - 1 - below(Math.min(4, values.length)) : below(values.length)]
  const taken = new Set<Variable>()
  const ops: (() => Value)[] = [
    () => builder.relu(pick()),
    () => builder.tanh(pick()),
    () => builder.add(pick(), pick()),
    () => builder.sub(pick(), pick()),
    () => builder.op('Identity', [pick()]),
    () => builder.reshape(builder.reshape(pick(), [24]), SHAPE),
    () => builder.reshape(builder.relu(builder.reshape(pick(), [3, 8])), SHAPE),
    () => builder.softmax(pick()),
    () => builder.transpose(builder.reshape(pick(), [6, 4]), [1, 0]),
    () => builder.add(pick(), builder.sum(pick(), [1], true)),
    () => builder.matMul(pick(), builder.matMul(builder.transpose(pick(), [1, 0]), pick())),
  ]
  const update = () => {
    const free = variables.filter((variable) => !taken.has(variable))
    const [one, two, three] = free
    const kind = below(5)
    const w = builder.variable(one)
    if (kind === 0) builder.update(one, pick())
    else if (kind === 1) {
      const next = builder.op('lanewise.SgdUpdate', [w, pick(), rate])
      builder.update(one, next)
      if (random() < 0.4) values.push(next)
    } else if (kind === 2 && two) {
      const [next, slot] = builder.emit(
        'lanewise.MomentumUpdate',
        [w, pick(), builder.variable(two), rate],
        { momentum: 0.9, nesterov: below(2) },
        2,
      )
      builder.update(one, next)
      builder.update(two, slot)
      taken.add(two)
    } else if (kind === 3 && two) {
      builder.update(one, builder.variable(two))
      builder.update(two, w)
      taken.add(two)
    } else builder.update(one, builder.add(w, three ? builder.variable(three) : 1))
    taken.add(one)
  }
  for (let count = 5 + below(15); count > 0; count--) {
    if (random() < 0.15 && taken.size < variables.length) update()
    values.push(ops[below(ops.length)]())
  }
  for (let count = 1 + below(3); count > 0; count--) builder.output(pick(), `output${count}`)
  builder.output(builder.variable(variables[below(4)]), 'shown')
  return builder.build()
}

test('plans of random graphs give the results of the graphs', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = uniform(seed)
    const scratch = new Map<Node, number>()
    planChecked(randomGraph(seed), (node) => {
      if (!scratch.has(node)) scratch.set(node, random() < 0.3 ? Math.ceil(random() * 700) : 0)
      return scratch.get(node)!
    })
  }
})

test('plans of networks give their results, optimised or not', () => {
  for (const graph of [inferenceGraph(2), trainingGraph(2)]) {
    planChecked(graph)
    planChecked(optimise(graph, { evaluate }))
  }
})

test('a chain of elementwise ops stays in one place, apart from its input', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', SHAPE)
  builder.output(builder.tanh(builder.reshape(builder.sigmoid(builder.relu(x)), [24])), 'y')
  const plan = planChecked(builder.build())
  assert.is(plan.lowerBoundBytes, 2 * 96)
  assert.is(plan.arenaBytes, 2 * reservedBytes(96))
})

test('an update op writes its variable in place, and moves up to where the last reader has run', () => {
  const graph = optimise(trainingGraph(2), { evaluate })
  const plan = planChecked(graph)
  assert.is(plan.steps.filter((step) => step.kind === 'copy').length, 0, printPlan(plan))
  for (const { variable, value } of graph.updates)
    assert.equal(plan.placements.get(value), { kind: 'variable', of: variable })
  const ops = plan.steps.map((step) => (step.kind === 'node' ? step.node.op : ''))
  assert.ok(ops.indexOf('lanewise.SgdUpdate') < ops.lastIndexOf('lanewise.ConvWeightGradientNhwc'))
})

test('variables can be exchanged, shown as they were, and given their own content', () => {
  const builder = new GraphBuilder()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => variableOf(name))
  builder.update(a, builder.variable(b))
  builder.update(b, builder.reshape(builder.reshape(builder.variable(a), [24]), SHAPE))
  builder.update(c, builder.variable(c))
  for (const variable of [a, b, c]) builder.output(builder.variable(variable), `old ${variable.name}`)
  planChecked(builder.build())
})

test('symbolic shapes are refused', () => {
  assert.throws(() => planGraph(inferenceGraph('batch'), { workspace: () => 0 }), /symbolic shape/)
})

test.run()
