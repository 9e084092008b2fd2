import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Lowering } from '../src/backend/wasm/lower/lowering.js'
import { movementLowerings } from '../src/backend/wasm/lower/movement.js'
import { poolLowerings } from '../src/backend/wasm/lower/pool.js'
import type { Graph } from '../src/core/ir.js'
import type { Tensor } from '../src/core/tensor.js'
import { importModel } from '../src/onnx/import.js'
import { withDefaults } from '../src/ops/definition.js'
import { definitionOf } from '../src/ops/index.js'
import { casesOf, dataRoot, dataSetsOf, mismatch, readTensors } from './support/conformance.js'
import { runLowering } from './support/kernels.js'

const lowerings: Readonly<Record<string, Lowering>> = { ...movementLowerings, ...poolLowerings }

/** The graph of a case, if lanewise has its op. */
function graphOf(model: Uint8Array): Graph | undefined {
  try {
    return importModel(model)
  } catch {
    return undefined
  }
}

test('ONNX conformance cases of one node through its kernel', () => {
  const cases = casesOf('node')
  if (!cases) {
    console.log(`SKIP ONNX conformance of kernels: no ${dataRoot}/onnx-backend/node`)
    return
  }
  const failures: string[] = []
  const left: string[] = []
  let passed = 0
  for (const item of cases) {
    const graph = graphOf(item.model)
    const node = graph?.nodes.find(({ op }) => op !== 'Identity')
    if (!graph || !node || graph.nodes.length > 2 || !Object.hasOwn(lowerings, node.op)) continue
    const lowering = lowerings[node.op]
    for (const dataSet of dataSetsOf(item)) {
      const given = readTensors(dataSet, 'input', graph.inputs.length)
      const tensors = new Map([...graph.constants, ...graph.inputs.map((value, i) => [value, given[i]] as const)])
      const inputs = node.inputs.map((value) => (value ? (tensors.get(value) as Tensor) : undefined))
      const expected = readTensors(dataSet, 'output', graph.outputs.length).map((tensor) => tensor as Tensor)
      const constants = inputs.flatMap((input, i) => (i > 0 && input ? [i] : []))
      try {
        const outputs = runLowering(lowering, node.op, {
          inputs,
          outputs: expected.map(({ type, dims }) => ({ dtype: type, shape: dims })),
          attributes: withDefaults(definitionOf(node.op), node.attributes),
          constants,
        })
        const failure = outputs.map((output, i) => mismatch(output, expected[i])).find((difference) => difference)
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
    `SKIP ${left.length} of ${passed + left.length + failures.length} data sets that kernels leave to the reference backend: ${left.join(', ')}`,
  )
  assert.equal(failures, [])
  assert.ok(passed > 0)
})

test.run()
