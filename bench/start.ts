// In a fresh process: imports a library, loads a model, runs it once; prints the milliseconds of all that, and the
// result. It imports nothing but the library.
import { readFileSync } from 'node:fs'
import type { Startup } from './peers/startup.js'

const { kind, library, model, input, dims, threads } = JSON.parse(process.argv[2]) as Startup
const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(0.5)

const start = performance.now()
const imported = await import(library)
const { InferenceSession, Tensor, env } = imported.InferenceSession ? imported : imported.default
if (kind !== 'onnxruntime-node') env.wasm.numThreads = threads
const session = await (kind === 'lanewise'
  ? InferenceSession.create(model)
  : InferenceSession.create(new Uint8Array(readFileSync(model)), { intraOpNumThreads: threads }))
const results = await session.run({ [input]: new Tensor('float32', data, dims) })
const ms = performance.now() - start

const [name] = session.outputNames
console.log(JSON.stringify({ ms, name, dims: results[name].dims, data: Array.from(results[name].data) }))
process.exit(0)
