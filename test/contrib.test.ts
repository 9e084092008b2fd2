import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { interpret } from '../src/backend/reference/evaluate.js'
import { isFloat, onnxTypeCode } from '../src/core/dtype.js'
import type { Value } from '../src/core/ir.js'
import type { Tensor } from '../src/core/tensor.js'
import { encode } from '../src/onnx/encode.js'
import { importModel } from '../src/onnx/import.js'
import { encodeTensor } from '../src/onnx/tensors.js'
import { InferenceSession } from '../src/session.js'
import { classicalRows } from './support/classical-rows.js'
import { contribRows } from './support/contrib-rows.js'
import { coreRows } from './support/core-rows.js'
import { loadEverything } from './support/operators.js'
import { attributeProto, type Row } from './support/rows.js'

await loadEverything()

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

/** A model of one node; constant operands are initializers, and the outputs' types are left to inference. */
function modelOf(row: Row): { model: Uint8Array; feeds: Record<string, Tensor>; outputs: string[] } {
  const name = (index: number) => (row.inputs[index] ? `x${index}` : '')
  const outputs = row.outputs.map((wanted, index) => (wanted ? `y${index}` : ''))
  const given = row.inputs.flatMap((input, index) => (input ? [{ ...input, name: name(index) }] : []))
  const model = encode('ModelProto', {
    irVersion: 8,
    opsetImport: [
      { domain: '', version: row.opset ?? 17 },
      { domain: 'com.microsoft', version: 1 },
      { domain: 'ai.onnx.ml', version: 3 },
    ],
    graph: {
      name: 'one',
      node: [
        {
          opType: row.op.replace(/^.*\./, ''),
          domain: row.op.includes('.') ? row.op.replace(/\.[^.]*$/, '') : '',
          name: 'node',
          input: row.inputs.map((_, index) => name(index)),
          output: outputs,
          attribute: Object.entries(row.attributes).map(([key, value]) => attributeProto(key, value)),
        },
      ],
      initializer: given.filter(({ constant }) => constant).map(({ tensor, name }) => encodeTensor(tensor, name)),
      input: given
        .filter(({ constant }) => !constant)
        .map(({ tensor, name }) => ({
          name,
          type: {
            tensorType: {
              elemType: onnxTypeCode[tensor.type],
              shape: { dim: tensor.dims.map((dimValue) => ({ dimValue })) },
            },
          },
        })),
      output: outputs.filter(Boolean).map((output) => ({ name: output })),
    },
  })
  return {
    model,
    feeds: Object.fromEntries(given.filter(({ constant }) => !constant).map(({ name, tensor }) => [name, tensor])),
    outputs: outputs.filter(Boolean),
  }
}

function compare(actual: Tensor, expected: ort.Tensor, allowed: number): void {
  assert.is(actual.type, expected.type)
  assert.equal([...actual.dims], [...expected.dims])
  const wanted = expected.data as ArrayLike<number | bigint | string>
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [actual.data[i], wanted[i]]
    const near = isFloat(actual.type) && Math.abs(Number(a) - Number(b)) <= 2e-5 + 2e-4 * Math.abs(Number(b))
    const step = allowed > 0 && Math.abs(Number(a) - Number(b)) <= allowed
    assert.ok(
      a === b || near || step || (Number.isNaN(a) && Number.isNaN(b)),
      `element ${i} is ${a}, onnxruntime gives ${b}`,
    )
  }
}

for (const row of [...contribRows, ...classicalRows, ...coreRows])
  test(`as onnxruntime-web: ${row.op} ${row.note ?? ''} ${JSON.stringify(row.attributes).slice(0, 90)}`, async () => {
    const { model, feeds, outputs } = modelOf(row)
    const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled' })
    const expected = await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, { type, data, dims }]) => [
          name,
          new ort.Tensor(type as 'float32', data as Float32Array, dims),
        ]),
      ),
    )
    await session.release()
    const graph = importModel(model)
    const tensors = interpret(graph, new Map<Value, Tensor>(graph.inputs.map((input) => [input, feeds[input.name]])))
    assert.is(graph.outputs.length, outputs.length)
    const wasm = await InferenceSession.create(model, { backend: 'wasm', threads: 1 })
    const computed = await wasm.run(feeds)
    await wasm.release()
    for (const output of graph.outputs) {
      if (!(row.compared?.includes(Number(output.name.slice(1))) ?? true)) continue
      compare(tensors.get(output)!, expected[output.name], row.step ?? 0)
      compare(computed[output.name], expected[output.name], row.step ?? 0)
    }
  })

test.run()
