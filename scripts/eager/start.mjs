// node start.mjs FOLDER LIBRARY THREADS: loads the models in FOLDER and runs each once, as a program does
// that imports LIBRARY, one of the recording bundles in FOLDER. Prints the numbers of the functions called, by file, as JSON.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, library, threads] = process.argv.slice(2)
const calls = {}
globalThis.called = (file, number) => {
  calls[file] ??= []
  if (!calls[file].includes(number)) calls[file].push(number)
}
// The clock stands still, so that what is called does not follow the machine's load.
Date.now = () => 0
globalThis.setTimeout = () => {}

const { InferenceSession, Tensor, env } = await import(pathToFileURL(join(folder, `${library}.js`)).href)
if (env) env.wasm.numThreads = Number(threads)
const options = env ? {} : { threads: Number(threads) }
for (const number of [1, 2, 3, 4, 5, 6]) {
  const session = await InferenceSession.create(join(folder, `model${number}.onnx`), options)
  const dims = session.inputMetadata[0].shape.map((dim) => (typeof dim === 'number' ? dim : 1))
  const size = dims.reduce((product, dim) => product * dim, 1)
  await session.run({ [session.inputNames[0]]: new Tensor('float32', new Float32Array(size).fill(0.5), dims) })
}
process.stdout.write(JSON.stringify(calls), () => process.exit(0))
