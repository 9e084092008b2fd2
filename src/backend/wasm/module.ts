import { LanewiseError } from '../../core/errors.js'
import { type Code, compileKernels, hasWorkers } from './files.js'
import type { Part } from './gen/kernels.js'
import type { Build, HostSupport } from './options.js'

const SPLAT_0 = [0x41, 0, 0xfd, 0x0f]
const END = 0x0b

/** Whether the host takes a module with one function of `body`, which returns `result`, and with the memory `memory` if given. */
function validates(result: number, body: readonly number[], memory: readonly number[] = []): boolean {
  const code = [0, ...body, END]
  return WebAssembly.validate(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 5, 1, 0x60, 0, 1, result],
      ...[3, 2, 1, 0],
      ...(memory.length ? [5, memory.length + 1, 1, ...memory] : []),
      ...[10, code.length + 2, 1, code.length, ...code],
    ]),
  )
}

const I32 = 0x7f
const V128 = 0x7b

/** Tests the host. */
export function hostSupport(): HostSupport {
  const simd = validates(V128, SPLAT_0)
  const relaxedSimd = validates(V128, [...SPLAT_0, ...SPLAT_0, ...SPLAT_0, 0xfd, 0x85, 0x02])
  const atomics = validates(I32, [0x41, 0, 0xfe, 0x10, 2, 0], [3, 1, 1])
  const buffers = typeof SharedArrayBuffer !== 'undefined'
  const notes: string[] = []
  if (!simd) notes.push('no SIMD: this host has no WebAssembly SIMD')
  if (!atomics) notes.push('one thread: this host has no WebAssembly threads')
  else if (!hasWorkers) notes.push('one thread: this build of lanewise has no workers (lanewise/inline, workerd)')
  else if (!buffers)
    notes.push(
      'one thread: no SharedArrayBuffer; a page needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    )
  return { simd, relaxedSimd, sharedMemory: atomics && buffers && hasWorkers, notes }
}

const loads = new Map<string, Promise<Code>>()

/** A part of the kernels of `build`: fetched, unless `bytes` are given, and compiled once a process. Throws BACKEND_UNAVAILABLE. */
export function loadKernels(build: Build, part: Part, bytes?: ArrayBuffer): Promise<Code> {
  const key = `${build} ${part}`
  let load = loads.get(key)
  if (load === undefined) {
    load = compile(build, part, bytes)
    loads.set(key, load)
    load.catch(() => loads.delete(key))
  }
  return load
}

async function compile(build: Build, part: Part, bytes?: ArrayBuffer): Promise<Code> {
  try {
    return await compileKernels(build, part, bytes)
  } catch (cause) {
    throw new LanewiseError(
      'BACKEND_UNAVAILABLE',
      `cannot load the kernels ${build}, part ${part}: ${(cause as Error).message}`,
      { cause },
    )
  }
}
