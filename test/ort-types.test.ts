import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import * as ort from '../src/ort.js'

/** c = a b. */
function matmulModel(): Uint8Array {
  const k = new GraphBuilder()
  k.output(k.matMul(k.input('a', 'float32', [3, 4]), k.input('b', 'float32', [4, 3])), 'c')
  return exportModel(k.build())
}

test("onnxruntime-web's quick start compiles under its own type names, and runs", async () => {
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = '/assets/'
  ort.env.logLevel = 'error'
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    freeDimensionOverrides: { batch: 1 },
  }
  const session: ort.InferenceSession = await ort.InferenceSession.create(matmulModel(), options)
  const dataA = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const dataB = Float32Array.from([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
  const feeds: Record<string, ort.Tensor> = {
    a: new ort.Tensor('float32', dataA, [3, 4]),
    b: new ort.Tensor('float32', dataB, [4, 3]),
  }
  const results: ort.InferenceSession.ReturnType = await session.run(feeds)
  assert.equal(Array.from(results['c'].data as Float32Array), [700, 800, 900, 1580, 1840, 2100, 2460, 2880, 3300])
  const { c } = (await session.run(feeds, ['c'])) as unknown as { c: ort.TypedTensor<'float32'> }
  const first: number = c.data[0]
  assert.is(first, 700)
  const fetches: ort.InferenceSession.FetchesType = { c: null }
  const runOptions: ort.InferenceSession.RunOptions = { tag: 'x' }
  assert.equal(Object.keys(await session.run(feeds, fetches, runOptions)), ['c'])
  const [metadata]: readonly ort.InferenceSession.ValueMetadata[] = session.inputMetadata
  assert.is(metadata.name, 'a')
  await session.release()
})

test('the elements of a tensor have the type that its constructor says', async () => {
  const floats = new ort.Tensor(Float32Array.of(1, 2))
  const sum: number = floats.data.reduce((a, b) => a + b, 0)
  const long: bigint = new ort.Tensor('int64', [3n], [1]).data[0]
  const word: string = new ort.Tensor('string', ['a', 'b'], [2]).data[0]
  const type: ort.Tensor.Type = floats.type
  const data: ort.Tensor.DataType = await floats.getData(true)
  const place: ort.Tensor.DataLocation = floats.location
  assert.equal([sum, long, word, type, data.length, place], [3, 3n, 'a', 'float32', 2, 'cpu'])
  const factory: ort.InferenceSessionFactory = ort.InferenceSession
  const settings: ort.Env = ort.env
  assert.type(factory.create, 'function')
  assert.is(settings.debug, false)
  // @ts-expect-error strings are no numbers
  const wrong: number = new ort.Tensor('string', ['a']).data[0]
  assert.is(wrong, 'a')
})

test.run()
