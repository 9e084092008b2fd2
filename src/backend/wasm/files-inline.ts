// Stands in for files.ts in the build that is one file: the kernels are part of it, and no worker lies beside it.
import relaxed from 'embedded:single-relaxed'
import relaxedRare from 'embedded:single-relaxed-rare'
import relaxedTraining from 'embedded:single-relaxed-training'
import baseline from 'embedded:single-simd'
import baselineRare from 'embedded:single-simd-rare'
import baselineTraining from 'embedded:single-simd-training'
import type { Code } from './files.js'
import type { Part } from './gen/kernels.js'
import type { Build } from './options.js'

export type { Code, Helper, WorkerReply, WorkerRequest } from './files.js'
export * from './no-workers.js'

const builds: Partial<Record<Build, Record<Part, string>>> = {
  'single-simd': { core: baseline, training: baselineTraining, rare: baselineRare },
  'single-relaxed': { core: relaxed, training: relaxedTraining, rare: relaxedRare },
}

export async function compileKernels(build: Build, part: Part): Promise<Code> {
  const text = builds[build]?.[part]
  if (text === undefined) throw new Error(`the single file holds no build ${build}`)
  const packed = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))
  return { module: await WebAssembly.compile(await new Response(stream).arrayBuffer()) }
}
