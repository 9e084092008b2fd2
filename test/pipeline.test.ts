import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import type { Graph, Value } from '../src/core/ir.js'
import { isConcrete } from '../src/core/shape.js'
import type { Tensor } from '../src/core/tensor.js'
import { specialize } from '../src/graph/specialize.js'
import { verify } from '../src/graph/verify.js'
import { importModel } from '../src/onnx/import.js'
import { isProgramOp } from '../src/ops/index.js'
import { passes } from '../src/optimise/index.js'
import { applied } from '../src/optimise/pass.js'
import { planGraph } from '../src/plan/planner.js'
import { casesOf, dataRoot, dataSetsOf, mismatch, readTensors } from './support/conformance.js'
import { Machine } from './support/machine.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

type Feeds = ReadonlyMap<Value, Tensor>

const difference = (
  read: (output: number) => Tensor,
  expected: readonly (Tensor | undefined)[],
): string | undefined => {
  for (const [index, tensor] of expected.entries()) {
    const reason = tensor ? mismatch(read(index), tensor) : 'no expected output was found'
    if (reason) return `output ${index}: ${reason}`
  }
  return undefined
}

/** Whether the reference backend runs the model as imported, to the expected results. */
function isSupported(graph: Graph, feeds: Feeds, expected: readonly (Tensor | undefined)[]): boolean {
  try {
    const tensors = interpret(graph, feeds)
    return difference((index) => tensors.get(graph.outputs[index])!, expected) === undefined
  } catch {
    return false
  }
}

/** Specialises and optimises `graph`, verifying it after each step, and runs the plan if all shapes are known. */
function runStages(graph: Graph, feeds: Feeds): (output: number) => Tensor {
  const shapes = Object.fromEntries(graph.inputs.map((input) => [input.name, feeds.get(input)!.dims]))
  let current = specialize(graph, shapes, evaluate)
  verify(current)
  for (const pass of passes({ evaluate })) {
    current = applied(pass, current)
    verify(current)
  }
  const values = [...current.inputs, ...current.nodes.flatMap((node) => node.outputs)]
  if (values.every(({ dtype, shape }) => isConcrete(shape) && dtype !== 'string')) {
    const machine = new Machine(planGraph(current, { workspace: () => 0 }))
    graph.inputs.forEach((input, index) => {
      machine.write(current.inputs[index], feeds.get(input)!)
    })
    machine.run()
    return (index) => machine.read(current.outputs[index])
  }
  const moved = new Map(graph.inputs.map((input, index) => [current.inputs[index], feeds.get(input)!]))
  const tensors = interpret(current, moved)
  return (index) => tensors.get(current.outputs[index])!
}

for (const group of ['node', 'simple', 'pytorch-operator', 'pytorch-converted', '../keras-onnx'])
  test(`models give their results through all stages: ${group}`, () => {
    const cases = casesOf(group)
    if (!cases) {
      console.log(`\nSKIP pipeline ${group}: no ${dataRoot}/onnx-backend/${group}`)
      return
    }
    const failures: string[] = []
    let passed = 0
    let unsupported = 0
    for (const item of cases) {
      const [dataSet] = dataSetsOf(item)
      let graph: Graph
      try {
        graph = importModel(item.model)
      } catch {
        unsupported++
        continue
      }
      // test/conformance.test.ts runs these as programs.
      if (graph.nodes.some(({ op }) => isProgramOp(op)) || graph.inputs.some(({ container }) => container)) {
        unsupported++
        continue
      }
      const feeds = new Map<Value, Tensor>()
      readTensors(dataSet, 'input', graph.inputs.length).forEach((tensor, index) => {
        if (tensor) feeds.set(graph.inputs[index], tensor)
      })
      const expected = readTensors(dataSet, 'output', graph.outputs.length)
      if (!isSupported(graph, feeds, expected)) {
        unsupported++
        continue
      }
      try {
        const reason = difference(runStages(graph, feeds), expected)
        if (reason) failures.push(`${item.name}: ${reason}`)
        else passed++
      } catch (error) {
        failures.push(`${item.name}: ${error instanceof Error ? error.message : error}`)
      }
    }
    console.log(
      `\nSKIP pipeline ${group}: ${unsupported} of ${cases.length} cases do not run on the reference backend; ${passed} passed`,
    )
    assert.equal(failures, [])
  })

test.run()
