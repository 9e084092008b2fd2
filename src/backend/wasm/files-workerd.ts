// Stands in for files.ts in the build for workerd, which compiles no bytes: it takes kernels as modules that were uploaded with
// the program, so they are imported as files. It has no workers of the web.

import type { Code } from './files.js'
import type { Part } from './gen/kernels.js'
import relaxed from './lanewise-single-relaxed.wasm'
import relaxedRare from './lanewise-single-relaxed-rare.wasm'
import relaxedTraining from './lanewise-single-relaxed-training.wasm'
import baseline from './lanewise-single-simd.wasm'
import baselineRare from './lanewise-single-simd-rare.wasm'
import baselineTraining from './lanewise-single-simd-training.wasm'
import type { Build } from './options.js'

export type { Code, Helper, WorkerReply, WorkerRequest } from './files.js'
export * from './no-workers.js'

const builds: Partial<Record<Build, Record<Part, WebAssembly.Module>>> = {
  'single-simd': { core: baseline, training: baselineTraining, rare: baselineRare },
  'single-relaxed': { core: relaxed, training: relaxedTraining, rare: relaxedRare },
}

export async function compileKernels(build: Build, part: Part): Promise<Code> {
  const module = builds[build]?.[part]
  if (module === undefined) throw new Error(`this host has no build ${build}`)
  return { module }
}
