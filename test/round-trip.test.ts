import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import type { Tensor } from '../src/core/tensor.js'
import { toFloat16 } from '../src/graph/float16.js'
import { exportModel } from '../src/onnx/export.js'
import { importModel } from '../src/onnx/import.js'
import { onnx } from '../src/onnx/proto.js'
import { decodeTensor } from '../src/onnx/tensors.js'
import { simplify } from '../src/optimise/index.js'
import { dataRoot } from './support/conformance.js'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const folder = join(dataRoot, 'keras-onnx')
const names = existsSync(folder) ? readdirSync(folder).sort() : []
if (names.length === 0) console.log('SKIP round trips: no keras-onnx in the reference data')

const tensorIn = (path: string): Tensor => decodeTensor(onnx.TensorProto.decode(readFileSync(path)))

const feedsOf = (name: string, inputs: readonly string[]) =>
  Object.fromEntries(
    inputs.map((input, index) => {
      const tensor = tensorIn(join(folder, name, 'test_data_set_0', `input_${index}.pb`))
      return [input, new ort.Tensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.dims)]
    }),
  )

/** The largest difference of the outputs that onnxruntime-web gives for two forms of a model; undefined if it cannot load the first. */
async function difference(name: string, before: Uint8Array, after: Uint8Array): Promise<number | undefined> {
  const first = await ort.InferenceSession.create(before).catch(() => undefined)
  if (!first) return undefined
  const second = await ort.InferenceSession.create(after)
  assert.equal(second.inputNames, first.inputNames)
  assert.equal(second.outputNames, first.outputNames)
  const feeds = feedsOf(name, first.inputNames)
  const [expected, actual] = [await first.run(feeds), await second.run(feeds)]
  const largest = first.outputNames.map((output) => {
    assert.equal(actual[output].dims, expected[output].dims)
    const wanted = expected[output].data as Float32Array
    return Math.max(...Array.from(actual[output].data as Float32Array, (value, i) => Math.abs(value - wanted[i])))
  })
  await Promise.all([first.release(), second.release()])
  return Math.max(...largest)
}

for (const [form, write, bound] of [
  ['as it is', (bytes) => exportModel(importModel(bytes)), 1e-5],
  ['simplified', (bytes) => exportModel(simplify(importModel(bytes), { evaluate }), { strip: true }), 1e-4],
  ['with weights in float16', (bytes) => exportModel(toFloat16(importModel(bytes))), 5e-2],
] as const satisfies readonly (readonly [string, (bytes: Uint8Array) => Uint8Array, number])[])
  test(`Keras's exports go in and out ${form}, and onnxruntime-web agrees`, async () => {
    const left: string[] = []
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(join(folder, name, 'model.onnx')))
      const most = await difference(name, bytes, write(bytes))
      if (most === undefined) left.push(name)
      else assert.ok(most <= bound, `${name}: ${most}`)
    }
    if (left.length) console.log(`SKIP round trips that onnxruntime-web cannot load to begin with: ${left.join(', ')}`)
  })

test('names, dimensions and metadata are kept', () => {
  for (const name of names) {
    const bytes = readFileSync(join(folder, name, 'model.onnx'))
    const first = importModel(bytes)
    const second = importModel(exportModel(first))
    assert.equal(second.inputs, first.inputs, name)
    assert.equal(
      second.outputs.map((value) => value.name),
      first.outputs.map((value) => value.name),
      name,
    )
    assert.equal(second.metadata, first.metadata, name)
    assert.is(second.name, first.name)
  }
})

test.run()
