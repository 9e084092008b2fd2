import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { loweringOf, lowerings } from '../src/backend/wasm/lower/index.js'
import type { Lowering } from '../src/backend/wasm/lower/lowering.js'
import { otherOps } from '../src/backend/wasm/lower/other-types.js'
import type { Attributes, Graph, Node, TensorType, Value } from '../src/core/ir.js'
import { concrete, inversePermutation, permute } from '../src/core/shape.js'
import type { Tensor } from '../src/core/tensor.js'
import { importModel } from '../src/onnx/import.js'
import { type OperandLayout, withDefaults } from '../src/ops/definition.js'
import { definitionOf, isProgramOp } from '../src/ops/index.js'
import { inferOutputs } from '../src/ops/inference.js'
import { channelsLastAttributes } from '../src/ops/window.js'
import { casesOf, dataRoot, dataSetsOf, mismatch, readTensors } from './support/conformance.js'
import { runLowering } from './support/kernels.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** Whatever lowering takes a node. */
const anyLowering: Lowering = {
  accelerates: (node, constant) => loweringOf(node, constant) !== undefined,
  workspace: (node, constant) => loweringOf(node, constant)!.workspace?.(node, constant) ?? 0,
  lower: (node, context) => loweringOf(node, context.constant)!.lower(node, context),
}
const lowered = new Set([...Object.keys(lowerings), ...otherOps])

/** The graph of a case, if lanewise has its op. */
function graphOf(model: Uint8Array): Graph | undefined {
  try {
    return importModel(model)
  } catch {
    return undefined
  }
}

/** The axes of a channels-first operand in channels-last order. */
function lastOrder(layout: 'data' | 'weight', rank: number): number[] {
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2)
  return layout === 'data' ? [0, ...spatial, 1] : [...spatial, 1, 0]
}

const transpose = (x: Tensor, perm: readonly number[]): Tensor =>
  evaluate({ op: 'Transpose', name: 'Transpose', inputs: [], outputs: [], attributes: { perm } }, [x])[0]

const relayout = (tensor: Tensor | undefined, layout: OperandLayout): Tensor | undefined =>
  tensor && layout ? transpose(tensor, lastOrder(layout, tensor.dims.length)) : tensor

const typeOf = ({ type, dims }: Tensor): TensorType => ({ dtype: type, shape: dims })

/**
 * Runs a node through its lowering, or through its channels-last twin's; undefined if it has neither. `types` are those of
 * its outputs.
 */
function runNode(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  types: readonly TensorType[],
): readonly Tensor[] | undefined {
  const run = (
    op: string,
    operands: readonly (Tensor | undefined)[],
    outputs: readonly TensorType[],
    given: Attributes,
  ) =>
    runLowering(anyLowering, op, {
      inputs: operands,
      outputs,
      attributes: withDefaults(definitionOf(op), given),
      constants: operands.flatMap((operand, i) => (i > 0 && operand ? [i] : [])),
    })
  if (lowered.has(node.op)) return run(node.op, inputs, types, node.attributes)
  const twin = definitionOf(node.op).traits?.channelsLast
  if (!twin || !lowered.has(twin.op)) return undefined
  const outputs = run(
    twin.op,
    inputs.map((input, i) => relayout(input, twin.inputs[i])),
    types.map(({ dtype, shape }, i) => {
      const layout = twin.outputs[i]
      return { dtype, shape: layout ? permute(concrete(shape), lastOrder(layout, shape.length)) : shape }
    }),
    channelsLastAttributes(node),
  )
  return outputs.map((output, i) => {
    const layout = twin.outputs[i]
    return layout ? transpose(output, inversePermutation(lastOrder(layout, output.dims.length))) : output
  })
}

/** The value that an output is a copy of, through Identity. */
function sourceOf(graph: Graph, output: Value): Value {
  const producer = graph.nodes.find((node) => node.op === 'Identity' && node.outputs[0] === output)
  return producer ? producer.inputs[0]! : output
}

test('ONNX conformance cases of one node through its kernel', () => {
  const cases = casesOf('node')
  if (!cases) {
    console.log(`SKIP ONNX conformance of kernels: no ${dataRoot}/onnx-backend/node`)
    return
  }
  const failures: string[] = []
  const left: string[] = []
  const without = new Map<string, number>()
  let passed = 0
  for (const item of cases) {
    const graph = graphOf(item.model)
    const node = graph?.nodes.find(({ op }) => op !== 'Identity')
    if (!graph || !node || isProgramOp(node.op) || graph.inputs.some(({ container }) => container)) continue
    if (graph.nodes.some((other) => other !== node && other.op !== 'Identity')) continue
    for (const dataSet of dataSetsOf(item)) {
      const given = readTensors(dataSet, 'input', graph.inputs.length)
      const tensors = new Map([...graph.constants, ...graph.inputs.map((value, i) => [value, given[i]] as const)])
      const inputs = node.inputs.map((value) => value && tensors.get(value))
      const expected = readTensors(dataSet, 'output', graph.outputs.length).map((tensor) => tensor!)
      // The node may have outputs that the graph leaves out, the last of them for good; Identity stands between the others.
      const places = graph.outputs.map((output) => node.outputs.indexOf(sourceOf(graph, output)))
      try {
        const known = inputs.map((input) => input && typeOf(input))
        const types = inferOutputs(node, known, (index) => inputs[index])
          .slice(0, Math.max(...places) + 1)
          .map((type, i) => (places.includes(i) ? typeOf(expected[places.indexOf(i)]) : type))
        const outputs = runNode(node, inputs, types)
        if (!outputs) {
          without.set(node.op, (without.get(node.op) ?? 0) + 1)
          continue
        }
        const failure = expected
          .map((tensor, i) => mismatch(outputs[places[i]], tensor))
          .find((difference) => difference)
        if (failure) failures.push(`${item.name}: ${failure}`)
        else passed++
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (/is not accelerated/.test(message)) left.push(item.name)
        else failures.push(`${item.name}: ${message}`)
      }
    }
  }
  console.log(
    `SKIP ${left.length} cases that the kernels leave to the reference backend, ${passed} ran: ${left.join(', ')}`,
  )
  const ops = [...without].map(([op, count]) => `${op} ${count}`)
  console.log(`SKIP cases of ops that have no kernel of their own, by op: ${ops.join(', ')}`)
  assert.equal(failures, [])
  assert.ok(passed >= 3.5 * left.length, `${passed} cases ran, ${left.length} were left to the reference backend`)
})

test.run()
