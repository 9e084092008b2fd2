// What differs between Node and the web, and the files beside the bundle. The worker's entry imports this module, too:
// so the bundler puts it in a chunk of its own, beside the worker and the .wasm files.

import { version } from '../../../package.json'
import { node } from '../../core/node.js'
import type { Part } from './gen/kernels.js'
import type { Build } from './options.js'

/** The addresses of the parts of the builds, beside the bundle. Written out so that bundlers find them. */
const location = (kernels: `${Build} ${Part}`): URL => {
  switch (kernels) {
    case 'single-simd core':
      return new URL('./lanewise-single-simd.wasm', import.meta.url)
    case 'single-simd training':
      return new URL('./lanewise-single-simd-training.wasm', import.meta.url)
    case 'single-simd rare':
      return new URL('./lanewise-single-simd-rare.wasm', import.meta.url)
    case 'single-relaxed core':
      return new URL('./lanewise-single-relaxed.wasm', import.meta.url)
    case 'single-relaxed training':
      return new URL('./lanewise-single-relaxed-training.wasm', import.meta.url)
    case 'single-relaxed rare':
      return new URL('./lanewise-single-relaxed-rare.wasm', import.meta.url)
    case 'shared-simd core':
      return new URL('./lanewise-shared-simd.wasm', import.meta.url)
    case 'shared-simd training':
      return new URL('./lanewise-shared-simd-training.wasm', import.meta.url)
    case 'shared-simd rare':
      return new URL('./lanewise-shared-simd-rare.wasm', import.meta.url)
    case 'shared-relaxed core':
      return new URL('./lanewise-shared-relaxed.wasm', import.meta.url)
    case 'shared-relaxed training':
      return new URL('./lanewise-shared-relaxed-training.wasm', import.meta.url)
    case 'shared-relaxed rare':
      return new URL('./lanewise-shared-relaxed-rare.wasm', import.meta.url)
  }
}

/** Where a file of the package lies. `beside` gives its address beside the bundle, written out so that bundlers find it. */
const locate = async (name: string, beside: () => URL): Promise<URL> =>
  node ? node.locate(name, version, import.meta.url === undefined ? undefined : beside()) : beside()

const locateKernels = (build: Build, part: Part): Promise<URL> =>
  locate(`./lanewise-${build}${part === 'core' ? '' : `-${part}`}.wasm`, () => location(`${build} ${part}`))

/** Whether worker files lie beside the bundle. */
export const hasWorkers: boolean = true

/** A part of the kernels, compiled. `bytes`: its binary, where other threads take it from memory. */
export interface Code {
  readonly module: WebAssembly.Module
  readonly bytes?: Uint8Array
}

/**
 * Compiles the .wasm file of a part, while it comes in where the host can; `bytes`: its content, where that is at hand. Throws
 * when it cannot be read or compiled.
 */
export async function compileKernels(build: Build, part: Part, bytes?: ArrayBuffer): Promise<Code> {
  const url = await locateKernels(build, part)
  const keep = build.startsWith('shared') && part !== 'core'
  try {
    return await (bytes ? compileBytes(new Uint8Array(bytes), keep) : compileFile(url, keep))
  } catch (cause) {
    throw new Error(
      `${url} (the .wasm files of lanewise must lie beside the bundle${node ? ', or lanewise be installed for it' : ''}): ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

/** The content of the core's .wasm file, for a worker that is about to start. */
export async function fetchCore(build: Build): Promise<ArrayBuffer> {
  const response = await fetch(location(`${build} core`))
  if (!response.ok) throw new Error(`HTTP status ${response.status}`)
  return response.arrayBuffer()
}

async function compileFile(url: URL, keep: boolean): Promise<Code> {
  if (node && url.protocol === 'file:') return compileBytes(await node.readFile(url), keep)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`HTTP status ${response.status}`)
  // Streaming is refused for any other media type.
  const streams = 'compileStreaming' in WebAssembly && response.headers.get('content-type') === 'application/wasm'
  if (streams && !keep) return { module: await WebAssembly.compileStreaming(response) }
  return compileBytes(new Uint8Array(await response.arrayBuffer()), keep)
}

async function compileBytes(bytes: Uint8Array<ArrayBuffer>, keep: boolean): Promise<Code> {
  const module = await WebAssembly.compile(bytes)
  return keep ? { module, bytes } : { module }
}

/** What the pool tells a worker, once: its work lasts until the pool stops. */
export interface WorkerRequest {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
}

export type WorkerReply = 'ready'

/** Milliseconds that a worker has to start. */
export const START_LIMIT = 10_000

/** Milliseconds in which a browser ends a worker, of which it does not tell. */
const TERMINATION = 100

/** A worker of Node or of the web, behind one face. */
export interface Helper {
  post(request: WorkerRequest): void
  /** Resolves on `ready`, rejects when the worker fails first. */
  readonly ready: Promise<void>
  /** Resolves when the worker is seen to have ended; a browser tells of faults only. */
  readonly ended: Promise<void>
  /** Resolves once the worker runs no more. */
  terminate(): Promise<void>
}

/** Starts a worker on worker.ts. It does not keep the process alive. */
export async function startHelper(): Promise<Helper> {
  if (typeof process !== 'undefined' && node) {
    const { Worker } = await node.threads()
    const script = await locate('./worker.js', () => new URL('./worker.js', import.meta.url))
    const worker = new Worker(script, { execArgv: [] })
    worker.unref()
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const ready = new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve())
      worker.on('error', reject)
      ended.then(() => reject(new Error('the worker ended')))
    })
    const terminate = async () => void (await worker.terminate())
    return { post: (request) => worker.postMessage(request), ready, ended, terminate }
  }
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve()
    worker.onerror = (event) => {
      reject(new Error(event.message))
      end()
    }
  })
  const terminate = () => {
    worker.terminate()
    return new Promise<void>((resolve) => setTimeout(resolve, TERMINATION))
  }
  return { post: (request) => worker.postMessage(request), ready, ended, terminate }
}

/** Whether this is a page's own thread, which may neither wait nor compute for long. */
export const isPage = (): boolean => !node && typeof document !== 'undefined'

/** Starts a web worker on engine-worker.ts. */
export const startEngineWorker = (): Worker =>
  new Worker(new URL('./engine-worker.js', import.meta.url), { type: 'module' })

/** The number of cores that the host lets a program use. */
export async function availableCores(): Promise<number> {
  if (node) return (await node.os()).availableParallelism()
  return typeof navigator === 'undefined' ? 1 : (navigator.hardwareConcurrency ?? 1)
}

/** Switches relaxed SIMD on where the host has it behind a flag of V8, as Node 20 does. It affects modules compiled afterwards; only done for a build that was asked for by name. */
export async function unlockRelaxedSimd(): Promise<void> {
  const v8 = await node?.v8()
  v8?.setFlagsFromString?.('--experimental-wasm-relaxed-simd')
}
