// Stands in for files.ts in the build that is one file: the kernels are part of it, and no worker lies beside it.
import relaxed from 'embedded:single-relaxed'
import baseline from 'embedded:single-simd'
import type { Build, Helper } from './files.js'

export type { Build, Helper, WorkerReply, WorkerRequest } from './files.js'

export const START_LIMIT = 10_000

export const hasWorkers = false

export const isPage = (): boolean => false

export async function compileBuild(build: Build): Promise<WebAssembly.Module> {
  if (build.startsWith('shared')) throw new Error(`the single file holds no build ${build}`)
  const packed = Uint8Array.from(atob(build === 'single-simd' ? baseline : relaxed), (byte) => byte.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))
  return WebAssembly.compile(await new Response(stream).arrayBuffer())
}

const noWorkers = (): never => {
  throw new Error('the single file starts no workers')
}

export const startHelper = async (): Promise<Helper> => noWorkers()

export const startEngineWorker = (): Worker => noWorkers()

export const availableCores = async (): Promise<number> => 1

export async function unlockRelaxedSimd(): Promise<void> {}
