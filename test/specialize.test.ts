import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import type { Graph, Node } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { printGraph } from '../src/graph/print.js'
import { specialize } from '../src/graph/specialize.js'
import { verify } from '../src/graph/verify.js'
import { assertSame, feedsFor, opsOf, optimiseChecked, results } from './support/graphs.js'
import { inferenceGraph } from './support/networks.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

test('a symbolic batch is bound, and every type follows', () => {
  const symbolic = inferenceGraph('batch')
  verify(symbolic)
  const bound = specialize(symbolic, { x: [5, 12, 12, 1] }, evaluate)
  verify(bound)
  assert.equal(bound.outputs[0], { name: 'probabilities', dtype: 'float32', shape: [5, 5] })
  const feeds = feedsFor(bound)
  assertSame(results(bound, feeds), results(symbolic, feeds))
  optimiseChecked(bound)
})

test('a symbolic graph may be optimised first', () => {
  const symbolic = inferenceGraph('batch')
  const feeds = feedsFor(inferenceGraph(2))
  assert.equal(symbolic.inputs[0].shape[0], 'batch')
  const bound = optimiseChecked(specialize(symbolic, { x: [2, 12, 12, 1] }, evaluate))
  assertSame(results(bound, feeds), results(symbolic, feeds))
})

for (const op of ['Conv', 'ConvTranspose'])
  test(`the weight of ${op} may be an input of unknown size`, () => {
    const make = (shape: readonly (string | number)[], attributes = {}) => {
      const builder = new GraphBuilder()
      const data = builder.input('data', 'float32', [2, 3, 5, 4])
      builder.output(builder.op(op, [data, builder.input('weight', 'float32', shape)], attributes), 'y')
      return builder.build()
    }
    const known = make([3, 3, 3, 2])
    const feeds = feedsFor(known)
    const bind = (graph: Graph) => specialize(graph, { data: [2, 3, 5, 4], weight: [3, 3, 3, 2] }, evaluate)
    const sizes = ['o', 'i', 'height', 'width']
    assertSame(results(bind(make(sizes)), feeds), results(known, feeds))
    const given = make(sizes, { kernel_shape: [3, 2] })
    assert.equal(given.outputs[0].shape.slice(2), known.outputs[0].shape.slice(2))
    assertSame(results(bind(given), feeds), results(known, feeds))
  })

test('what shapes determine becomes constants', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', ['batch', 2, 3])
  const batch = builder.gather(builder.op('Shape', [x]), builder.ints([0]))
  const target = builder.concat([batch, builder.ints([-1])], 0)
  builder.output(builder.op('Reshape', [builder.relu(x), target]), 'y')
  const bound = specialize(builder.build(), { x: [4, 2, 3] }, evaluate)
  verify(bound)
  assert.equal(
    opsOf(bound).filter((op) => op !== 'Identity'),
    ['Relu', 'Reshape'],
  )
  assert.equal(bound.outputs[0].shape, [4, 6])
})

test('shapes that do not fit are refused by name', () => {
  const builder = new GraphBuilder()
  const a = builder.input('a', 'float32', ['batch', 3])
  builder.output(builder.add(a, builder.input('b', 'float32', ['batch', 3])), 'y')
  const graph = builder.build()
  const bind = (shapes: Record<string, number[]>) => () => specialize(graph, shapes, evaluate)
  assert.throws(bind({ a: [2, 4], b: [2, 3] }), /'a' takes float32 \[batch, 3\], got \[2, 4\]: dimension 1 must be 3/)
  assert.throws(bind({ a: [2, 3], b: [5, 3] }), /'b' .*dimension 0 \('batch'\) must be 2, as input 'a' says/)
  assert.throws(bind({ a: [2, 3, 1], b: [2, 3] }), /3 dimensions, 2 are needed/)
  assert.throws(bind({ a: [2, 3] }), /'b' needs a shape that fits \[batch, 3\]/)
  assert.throws(bind({ a: [2, 3], c: [1] }), /'c' is no input of the model; its inputs are 'a', 'b'/)
})

test('a graph prints one line a value or node', () => {
  const builder = new GraphBuilder('small')
  const x = builder.input('x', 'float32', ['batch', 10])
  const bias = builder.constant(new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10]), 'bias')
  builder.output(builder.softmax(builder.add(x, bias)), 'y')
  assert.is(
    printGraph(builder.build()),
    `graph small
  input %x: float32 [batch, 10]
  constant %bias = float32 [10] {1, 2, 3, 4, 5, 6, 7, 8, …}
  %Add: float32 [batch, 10] = Add(%x, %bias)
  %Softmax: float32 [batch, 10] = Softmax(%Add) {axis: -1}
  %y: float32 [batch, 10] = Identity(%Softmax)
  output %y
`,
  )
})

test('verify names what breaks the rules of a graph', () => {
  const builder = new GraphBuilder('broken')
  const x = builder.input('x', 'float32', [2, 3])
  const variable = { name: 'w', dtype: 'float32', shape: [2, 3], trainable: true } as const
  const w = builder.variable(variable)
  const sum = builder.add(x, w)
  builder.output(builder.relu(sum), 'y')
  builder.update(variable, sum)
  const graph = builder.build()
  verify(graph)
  const broken = (changes: Partial<Graph>) => () => verify({ ...graph, ...changes })
  const [add, relu, identity] = graph.nodes as [Node, Node, Node]
  assert.throws(broken({ nodes: [relu, add, identity] }), /Relu 'Relu' reads 'Add', which is not defined before it/)
  assert.throws(broken({ nodes: [add, add, relu, identity] }), /Add 'Add' has the name of another node/)
  assert.throws(broken({ nodes: [add, { ...add, name: 'again' }, relu, identity] }), /'Add', which is defined already/)
  assert.throws(
    broken({ nodes: [add, { ...relu, outputs: [{ ...relu.outputs[0], shape: [3, 2] }] }, identity] }),
    /writes 'Relu' as float32 \[3, 2\], inference says float32 \[2, 3\]/,
  )
  assert.throws(broken({ nodes: [{ ...add, op: 'Unheard' }, relu, identity] }), /op 'Unheard' is not known/)
  assert.throws(broken({ outputs: [{ ...x }] }), /output 'x' is not defined/)
  assert.throws(broken({ outputs: [w] }), /is a variable that the graph replaces/)
  assert.throws(broken({ updates: [{ variable: x, value: sum }] }), /targets a value that is no variable/)
  assert.throws(broken({ updates: [...graph.updates, ...graph.updates] }), /is given twice/)
  assert.throws(broken({ variables: new Map() }), /reads 'w', which is not defined/)
})

test.run()
