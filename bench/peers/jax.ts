import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Tensor } from '../../src/core/tensor.js'
import { agreement, samplesOf } from '../training.js'
import type { Inference, Training } from '../workloads.js'
import { type Jax, type JaxArray, jaxNetwork } from './jax-training.js'
import type { Peer, Place, Runner } from './peer.js'

type Arrays = Record<string, JaxArray>
interface Onnx {
  readonly ONNXModel: new (bytes: Uint8Array) => { run(feeds: Arrays): Arrays; dispose(): void }
}

/** jax-js with its wasm or webgpu backend and its loader for ONNX, compiled by `jit`; it has no threads in Node. */
export async function jaxJs({ bench, threads, backend }: Place): Promise<Peer | undefined> {
  if (threads > 1) return undefined
  const open = (name: string) => import(pathToFileURL(join(bench, `node_modules/@jax-js/${name}/dist/index.js`)).href)
  const jax: Jax = await open('jax')
  const { ONNXModel }: Onnx = await open('onnx')
  // onnxruntime-web gives Node a global Worker, from which jax-js would conclude that its own memory is shared.
  Object.defineProperty(globalThis, 'Worker', { get: () => undefined, set: () => {}, configurable: true })
  await jax.init(backend)
  jax.defaultDevice(backend)

  async function inference({ model, inputs }: Inference): Promise<Runner> {
    if (Object.values(inputs).some(({ type }) => type !== 'float32')) throw new Error('only float32 is fed')
    const loaded = new ONNXModel(typeof model === 'string' ? readFileSync(model) : model)
    const compiled = jax.jit((feeds: Arrays) => loaded.run(feeds))
    const execute = async () => {
      const feeds = Object.entries(inputs).map(([name, { data, dims }]) => [
        name,
        jax.numpy.array(data as Float32Array, { shape: dims }),
      ])
      const results: Record<string, Tensor> = {}
      for (const [name, array] of Object.entries(compiled(Object.fromEntries(feeds)))) {
        const { shape } = array
        results[name] = new Tensor('float32', await array.data(), shape)
      }
      return results
    }
    return { run: execute, results: execute, dispose: () => {} }
  }
  async function training(workload: Training): Promise<Runner> {
    const network = jaxNetwork(jax, workload)
    const results = await agreement(network, workload.shape, workload.random)
    const samples = samplesOf(workload.shape, workload.batch)
    return { run: async () => void (await network.step(samples)), results: async () => results, dispose: () => {} }
  }
  const { version } = JSON.parse(readFileSync(join(bench, 'node_modules/@jax-js/jax/package.json'), 'utf8'))
  return { name: 'jax-js', version, inference, training }
}
