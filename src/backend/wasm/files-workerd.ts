// Stands in for files.ts in the build for workerd, which compiles no bytes: it takes kernels as modules that were uploaded with
// the program, so they are imported as files. It has no workers of the web.

import type { Build } from './files.js'
import relaxed from './lanewise-single-relaxed.wasm'
import baseline from './lanewise-single-simd.wasm'

export type { Build, Helper, WorkerReply, WorkerRequest } from './files.js'
export * from './no-workers.js'

export async function compileBuild(build: Build): Promise<WebAssembly.Module> {
  if (build.startsWith('shared')) throw new Error(`this host has no build ${build}`)
  return build === 'single-simd' ? baseline : relaxed
}
