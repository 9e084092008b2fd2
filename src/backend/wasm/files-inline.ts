// Stands in for files.ts in the build that is one file: the kernels are part of it, and no worker lies beside it.
import relaxed from 'embedded:single-relaxed'
import baseline from 'embedded:single-simd'
import type { Build } from './files.js'

export type { Build, Helper, WorkerReply, WorkerRequest } from './files.js'
export * from './no-workers.js'

export async function compileBuild(build: Build): Promise<WebAssembly.Module> {
  if (build.startsWith('shared')) throw new Error(`the single file holds no build ${build}`)
  const packed = Uint8Array.from(atob(build === 'single-simd' ? baseline : relaxed), (byte) => byte.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))
  return WebAssembly.compile(await new Response(stream).arrayBuffer())
}
