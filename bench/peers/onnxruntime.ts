import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Ort from 'onnxruntime-web'
import { externalFilesOf } from '../../src/onnx/external.js'
import { decodeModel } from '../../src/onnx/proto.js'
import { type Results, resultsOf } from '../results.js'
import type { Inference, Start } from '../workloads.js'
import type { Peer, Place, Runner } from './peer.js'
import { startup } from './startup.js'

type Library = typeof Ort

const versionIn = (folder: string): string => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version

/** The files of external data that lie beside a model. */
const externalDataOf = (model: string | Uint8Array, bytes: Uint8Array) =>
  typeof model !== 'string'
    ? []
    : [...externalFilesOf(decodeModel(bytes))].map((path) => ({
        path,
        data: new Uint8Array(readFileSync(join(dirname(model), path))),
      }))

function runnerOf(library: Library, options: Ort.InferenceSession.SessionOptions) {
  return async ({ model, inputs }: Inference): Promise<Runner> => {
    const bytes = typeof model === 'string' ? new Uint8Array(readFileSync(model)) : model
    const externalData = externalDataOf(model, bytes)
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
export async function onnxruntimeWeb(place: Place): Promise<Peer> {
  const folder = join(place.bench, 'node_modules/onnxruntime-web')
  // The module that its package.json names for Node: the one whose threads start there.
  const url = pathToFileURL(join(folder, 'dist/ort.node.min.mjs')).href
  const library: Library = await import(url)
  library.env.wasm.numThreads = place.threads
  library.env.logLevel = 'error'
  return {
    name: 'onnxruntime-web',
    version: versionIn(folder),
    inference: runnerOf(library, {}),
    start: async (workload: Start) => startup('onnxruntime-web', url, workload, place),
  }
}

/** onnxruntime-node: native code with AVX-512 where the machine has it, the far mark. */
export async function onnxruntimeNode(place: Place): Promise<Peer> {
  const folder = join(place.bench, 'node_modules/onnxruntime-node')
  const url = pathToFileURL(join(folder, 'dist/index.js')).href
  const { default: library }: { default: Library } = await import(url)
  const options = { intraOpNumThreads: place.threads, interOpNumThreads: 1 }
  return {
    name: 'onnxruntime-node',
    version: versionIn(folder),
    inference: runnerOf(library, options),
    start: async (workload: Start) => startup('onnxruntime-node', url, workload, place),
  }
}
