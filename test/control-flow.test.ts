import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import type { HostValue } from '../src/core/ir.js'
import type { Tensor } from '../src/core/tensor.js'
import { specialize } from '../src/graph/specialize.js'
import { verify } from '../src/graph/verify.js'
import { exportModel } from '../src/onnx/export.js'
import { importModel } from '../src/onnx/import.js'
import { isProgramOp } from '../src/ops/index.js'
import { load } from '../src/program/runnable.js'
import {
  casesOf,
  dataRoot,
  dataSetsOf,
  mismatch,
  readTensors,
  readValues,
  valueMismatch,
} from './support/conformance.js'

for (const name of ['keras_gru', 'keras_simplernn', 'keras_bilstm_masked'])
  test(`the loops of ${name} unroll, and give what Keras gave`, () => {
    const path = join(dataRoot, 'keras-onnx', name)
    if (!existsSync(path)) {
      console.log(`SKIP ${name}: no ${path}`)
      return
    }
    const graph = importModel(readFileSync(join(path, 'model.onnx')))
    verify(graph)
    for (const dataSet of dataSetsOf({ name, path, model: new Uint8Array() })) {
      const inputs = readTensors(dataSet, 'input', graph.inputs.length) as Tensor[]
      const shapes = Object.fromEntries(graph.inputs.map((input, index) => [input.name, inputs[index].dims]))
      const unrolled = specialize(graph, shapes, evaluate)
      verify(unrolled)
      assert.equal(
        unrolled.nodes.filter(({ op }) => isProgramOp(op)).map(({ op }) => op),
        [],
      )
      const tensors = interpret(unrolled, new Map(unrolled.inputs.map((input, index) => [input, inputs[index]])))
      readTensors(dataSet, 'output', graph.outputs.length).forEach((wanted, index) => {
        assert.equal(mismatch(tensors.get(unrolled.outputs[index])!, wanted!), undefined)
      })
    }
  })

/** Cases with subgraphs and sequences that opset 21 can say. */
const nested = [
  'if',
  'if_opt',
  'loop13_seq',
  'scan9_sum',
  'scan_sum',
  'sequence_map_add_1_sequence_1_tensor',
  'sequence_map_identity_2_sequences',
  'range_float_type_positive_delta_expanded',
  'affine_grid_3d_expanded',
]

test('models with subgraphs, sequences and optionals export, and give the same again', async () => {
  const known = new Set(nested.map((name) => `test_${name}`))
  const cases = casesOf('node')?.filter(({ name }) => known.has(name))
  if (!cases) {
    console.log(`SKIP export of subgraphs: no ${dataRoot}/onnx-backend/node`)
    return
  }
  assert.is(cases.length, nested.length)
  const backend = createReferenceBackend()
  for (const item of cases) {
    const graph = importModel(exportModel(importModel(item.model), { opset: 21 }))
    verify(graph)
    const [dataSet] = dataSetsOf(item)
    const inputs = readValues(dataSet, 'input', graph.inputs) as HostValue[]
    const results = await load(graph, inputs, backend).run(inputs)
    readValues(dataSet, 'output', graph.outputs).forEach((wanted, index) => {
      assert.equal(valueMismatch(results[graph.outputs[index].name], wanted!), undefined, item.name)
    })
  }
})

test.run()
