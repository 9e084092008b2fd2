import type { Backend } from './backend/backend.js'
import { checkThreads, startWasmBackend } from './backend/wasm/index.js'
import { hostSupport } from './backend/wasm/module.js'
import type { HostSupport, WasmOptions } from './backend/wasm/options.js'
import type { WebGpuOptions, WebGpuSupport } from './backend/webgpu/options.js'
import { LanewiseError } from './core/errors.js'
import { checkOptions } from './core/options.js'

/** Where graphs run: WebAssembly, a GPU, or plain loops. */
export type BackendName = 'wasm' | 'webgpu' | 'reference'

/** What `configure` and sessions take: which backend, and how it runs. */
export interface BackendOptions extends WasmOptions, WebGpuOptions {
  /** wasm unless given; `auto` is webgpu where the host has a GPU, falling back to wasm, and wasm elsewhere. */
  readonly backend?: BackendName | 'auto'
  /** Where whole models run, with a note, that hold ops without a kernel on webgpu. Without it they are refused. */
  readonly fallback?: 'wasm'
}

const optionNames: Readonly<Record<keyof BackendOptions, true>> = {
  backend: true,
  fallback: true,
  threads: true,
  deterministic: true,
  build: true,
  workerTimeout: true,
  maxBytes: true,
  powerPreference: true,
  precision: true,
  products: true,
}

/** Throws INVALID_ARGUMENT for a name that is no option, or a number of threads that cannot be. */
function check(options: BackendOptions): void {
  checkOptions('a backend', options, optionNames)
  checkThreads(options)
}

/** What runs, and why anything is off. */
export interface Environment {
  readonly backend: BackendName
  readonly threads: number
  /** Which build runs, e.g. `shared, relaxed SIMD`. */
  readonly variant: string
  readonly host: Omit<HostSupport, 'notes'>
  /** The GPU that the webgpu backend would take, or why there is none. */
  readonly webgpu: WebGpuSupport
  /** Everything that runs slower than it could, and why. */
  readonly notes: readonly string[]
}

/** A new backend, which the caller disposes of; its worker threads may still be starting. Throws BACKEND_UNAVAILABLE, INVALID_ARGUMENT. */
export async function createBackend(given: BackendOptions = {}): Promise<Backend> {
  check(given)
  const { backend = 'wasm', fallback, ...options } = given
  if (backend === 'wasm') return startWasmBackend(options)
  if (backend === 'webgpu') {
    const { createWebGpuBackend } = await import('./backend/webgpu/index.js')
    return createWebGpuBackend(options, fallback && (() => startWasmBackend(options)))
  }
  if (backend === 'auto') {
    const { hasHardware } = await import('./backend/webgpu/host.js')
    return createBackend({ ...options, backend: (await hasHardware(options)) ? 'webgpu' : 'wasm', fallback: 'wasm' })
  }
  if (backend === 'reference') return (await import('./backend/reference/backend.js')).createReferenceBackend()
  throw new LanewiseError(
    'BACKEND_UNAVAILABLE',
    `there is no backend '${backend}'; there are wasm, webgpu, auto and reference`,
  )
}

/** The GPU that the webgpu backend would take, or why there is none. */
const webGpuSupport = async (options: WebGpuOptions): Promise<WebGpuSupport> =>
  (await import('./backend/webgpu/host.js')).webGpuSupport(options)

let settings: BackendOptions = {}
let shared: Promise<Backend> | undefined

/**
 * Chooses the default backend for everything that is created afterwards. Sessions and models that exist keep theirs, which
 * ends with the last of them.
 * Options that are left out keep the value of an earlier call. Throws INVALID_ARGUMENT for unknown ones, and for `threads` that cannot be.
 */
export function configure(options: BackendOptions): void {
  check(options)
  settings = { ...settings, ...options }
  shared = undefined
}

/** The backend of everything that names none; created on first use, and left to the garbage collector. */
export function defaultBackend(): Promise<Backend> {
  if (shared === undefined) {
    const created = createBackend(settings)
    shared = created
    created.catch(() => {
      if (shared === created) shared = undefined
    })
  }
  return shared
}

/**
 * The default backend after the loss of `lost`, which is disposed of: on a new device, or the wasm backend where the host
 * gives no other device.
 */
export async function replaceDefaultBackend(lost: Backend): Promise<Backend> {
  if (shared !== undefined && (await shared) === lost) {
    lost.dispose()
    shared = createBackend(settings).catch(() => createBackend({ ...settings, backend: 'wasm' }))
  }
  return defaultBackend()
}

/** What the default backend runs on, and why anything is off. Creates it if need be, and looks for a GPU. */
export async function environment(): Promise<Environment> {
  const backend = await defaultBackend()
  await backend.ready()
  const { report } = backend
  const { notes: _, ...host } = hostSupport()
  return {
    backend: report.name as BackendName,
    threads: report.threads,
    variant: report.variant,
    host,
    webgpu: await webGpuSupport(settings),
    notes: report.notes,
  }
}
