import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Ort from 'onnxruntime-web'
import type { Inference } from '../workloads.js'
import { type Peer, type Place, type Results, type Runner, resultsOf } from './peer.js'

type Library = typeof Ort

const versionIn = (folder: string): string => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version

/** Files of external data beside a model, by the names that models use for them. */
const externalDataOf = (model: string | Uint8Array) =>
  typeof model === 'string'
    ? [`${model}.data`, join(dirname(model), 'model.data'), join(dirname(model), 'weights.bin')]
        .filter((path) => existsSync(path))
        .map((path) => ({ path: path.slice(dirname(model).length + 1), data: new Uint8Array(readFileSync(path)) }))
    : []

function runnerOf(library: Library, options: Ort.InferenceSession.SessionOptions) {
  return async ({ model, inputs }: Inference): Promise<Runner> => {
    const bytes = typeof model === 'string' ? new Uint8Array(readFileSync(model)) : model
    const externalData = externalDataOf(model)
    const session = await library.InferenceSession.create(bytes, {
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      ...options,
      ...(externalData.length > 0 && { externalData }),
    })
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, { type, data, dims }]) => [
        key,
        new library.Tensor(type as 'float32', data as Float32Array, dims),
      ]),
    )
    return {
      run: () => session.run(feeds),
      results: async (): Promise<Results> => resultsOf((await session.run(feeds)) as Parameters<typeof resultsOf>[0]),
      dispose: () => session.release(),
    }
  }
}

/** onnxruntime-web: ONNX Runtime compiled to wasm, the CPU runtime that web programs use. */
export async function onnxruntimeWeb({ bench, threads }: Place): Promise<Peer> {
  const folder = join(bench, 'node_modules/onnxruntime-web')
  const dist = pathToFileURL(join(folder, 'dist/')).href
  const library: Library = await import(`${dist}ort.wasm.min.mjs`)
  library.env.wasm.numThreads = threads
  library.env.wasm.wasmPaths = dist
  library.env.logLevel = 'error'
  return { name: 'onnxruntime-web', version: versionIn(folder), inference: runnerOf(library, {}) }
}

/** onnxruntime-node: native code with AVX-512 where the machine has it, the far mark. */
export async function onnxruntimeNode({ bench, threads }: Place): Promise<Peer> {
  const folder = join(bench, 'node_modules/onnxruntime-node')
  const { default: library }: { default: Library } = await import(pathToFileURL(join(folder, 'dist/index.js')).href)
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 }
  return { name: 'onnxruntime-node', version: versionIn(folder), inference: runnerOf(library, options) }
}
