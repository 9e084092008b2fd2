import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from 'onnx-proto'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import type { HostValue } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
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
import { loadEverything } from './support/operators.js'

await loadEverything()

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

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
    const results = await (await load(graph, inputs, backend)).run(inputs)
    readValues(dataSet, 'output', graph.outputs).forEach((wanted, index) => {
      assert.equal(valueMismatch(results[graph.outputs[index].name], wanted!), undefined, item.name)
    })
  }
})

/** Opset 8's Scan of a batch of 2 with sequences of up to 4 rows [2]: running sums and their last one. */
function scanOfBatch(direction: number): Uint8Array {
  const info = (name: string, dims: readonly number[], elemType = 1): onnx.IValueInfoProto => ({
    name,
    type: { tensorType: { elemType, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  })
  const { AttributeType } = onnx.AttributeProto
  const body: onnx.IGraphProto = {
    name: 'body',
    node: [
      { opType: 'Add', name: 'add', input: ['sum', 'row'], output: ['next'] },
      { opType: 'Identity', name: 'copy', input: ['next'], output: ['given'] },
    ],
    input: [info('sum', [2]), info('row', [2])],
    output: [info('next', [2]), info('given', [2])],
  }
  return onnx.ModelProto.encode(
    onnx.ModelProto.create({
      irVersion: 3,
      opsetImport: [{ domain: '', version: 8 }],
      graph: {
        name: 'g',
        node: [
          {
            opType: 'Scan',
            name: 'scan',
            input: ['lengths', 'start', 'rows'],
            output: ['last', 'sums'],
            attribute: [
              { name: 'body', type: AttributeType.GRAPH, g: body },
              { name: 'num_scan_inputs', type: AttributeType.INT, i: 1 },
              { name: 'directions', type: AttributeType.INTS, ints: [direction] },
            ],
          },
        ],
        input: [info('lengths', [2], 7), info('start', [2, 2]), info('rows', [2, 4, 2])],
        output: [info('last', [2, 2]), info('sums', [2, 4, 2])],
      },
    }),
  ).finish()
}

for (const [direction, lengths] of [
  [0, [4n, 2n]],
  [0, [1n, 4n]],
  [1, [4n, 4n]],
] as const)
  test(`opset 8's Scan of sequences of ${lengths} rows, direction ${direction}, as onnxruntime-web`, async () => {
    const bytes = scanOfBatch(direction)
    const feeds = {
      lengths: new Tensor('int64', [...lengths], [2]),
      start: new Tensor('float32', [0.5, 0, -1, 2], [2, 2]),
      rows: new Tensor(
        'float32',
        Array.from({ length: 16 }, (_, index) => index + 1),
        [2, 4, 2],
      ),
    }
    const peer = await ort.InferenceSession.create(bytes)
    const expected = await peer.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, { type, data, dims }]) => [
          name,
          new ort.Tensor(type as 'float32', data as Float32Array, dims),
        ]),
      ),
    )
    await peer.release()
    const graph = importModel(bytes)
    verify(graph)
    const inputs = graph.inputs.map(({ name }) => feeds[name as keyof typeof feeds])
    const results = await (await load(graph, inputs, createReferenceBackend())).run(inputs)
    for (const name of ['last', 'sums']) {
      assert.equal((results[name] as Tensor).dims, [...expected[name].dims])
      assert.equal((results[name] as Tensor).toNumbers(), Array.from(expected[name].data as Float32Array), name)
    }
  })

test.run()
