import { version } from '../package.json'
import { LanewiseError } from './core/errors.js'
import type { BackendOptions } from './environment.js'

/** The settings that programs make; most only tune onnxruntime. */
export interface Env {
  readonly wasm: {
    /** 0, or absent: as many threads as lanewise chooses. */
    numThreads?: number | undefined
    simd?: boolean | string | undefined
    proxy?: boolean | undefined
    wasmPaths?: unknown
    initTimeout?: number | undefined
    [setting: string]: unknown
  }
  readonly webgl: Record<string, unknown>
  /** Which adapter the provider webgpu asks for, where the host has several. */
  readonly webgpu: { powerPreference?: 'low-power' | 'high-performance' | undefined; [setting: string]: unknown }
  logLevel: 'verbose' | 'info' | 'warning' | 'error' | 'fatal'
  debug: boolean
  trace: boolean
  readonly versions: { readonly common: string; readonly web: string }
  [setting: string]: unknown
}

/**
 * onnxruntime-web's face: a program that says `import * as ort from 'onnxruntime-web'` runs with `'lanewise/ort'` instead.
 * Settings that only tune onnxruntime (arenas, optimisation levels, wasm paths) are accepted and change nothing.
 */
export const env: Env = {
  wasm: { numThreads: undefined, simd: true, proxy: false, wasmPaths: undefined, initTimeout: 0 },
  webgl: {},
  webgpu: {},
  logLevel: 'warning',
  debug: false,
  trace: false,
  versions: { common: version, web: version },
}

/** Providers that lanewise stands in for, and the backend behind each; every other one is not there. */
const providers: Readonly<Record<string, 'wasm' | 'webgpu'>> = { wasm: 'wasm', cpu: 'wasm', webgpu: 'webgpu' }

/** Names of providers, in the order in which they are wanted. */
export type AskedProviders = readonly (string | { readonly name: string })[]

export function checkList(option: string, value: unknown): void {
  if (!Array.isArray(value)) throw new LanewiseError('INVALID_ARGUMENT', `${option} is a list, got ${value}`)
}

/** Throws INVALID_ARGUMENT for outputs that are to stay on a device. */
export function checkLocations(wanted: unknown): void {
  const locations = typeof wanted === 'object' && wanted !== null ? Object.values(wanted) : [wanted ?? 'cpu']
  for (const location of locations)
    if (location !== 'cpu' && location !== 'cpu-pinned')
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `preferredOutputLocation ${location} is not there: outputs of lanewise lie on the host, on the provider webgpu, too`,
      )
}

export function warn(message: string): void {
  if (env.logLevel !== 'error' && env.logLevel !== 'fatal') console.warn(`lanewise/ort: ${message}`)
}

/** Why the host has no `provider`; undefined where it has it. */
async function missing(provider: string): Promise<string | undefined> {
  if (!Object.hasOwn(providers, provider)) return `${provider} is not there`
  if (providers[provider] === 'wasm') return undefined
  const { webGpuSupport } = await import('./backend/webgpu/host.js')
  const support = await webGpuSupport(env.webgpu)
  return support.available ? undefined : `${provider} is not there: ${support.reason}`
}

/** The backend of the first of the providers `asked` for that the host has. Throws BACKEND_UNAVAILABLE if it has none of them. */
export async function backendFor(asked: AskedProviders | undefined): Promise<BackendOptions> {
  if (asked) checkList('executionProviders', asked)
  if (!asked?.length) return {}
  const names = asked.map((provider) => (typeof provider === 'string' ? provider : String(provider?.name)))
  const reasons: string[] = []
  for (const [index, name] of names.entries()) {
    const reason = await missing(name)
    if (reason) {
      reasons.push(reason)
      continue
    }
    for (const line of reasons) warn(`${line}; running on ${name}`)
    if (providers[name] === 'wasm') return {}
    const { powerPreference } = env.webgpu
    const fallback = names.slice(index).some((other) => providers[other] === 'wasm') ? 'wasm' : undefined
    return { backend: 'webgpu', powerPreference, fallback }
  }
  throw new LanewiseError(
    'BACKEND_UNAVAILABLE',
    `no available backend: ${reasons.join('; ')}; lanewise/ort has wasm everywhere, add it to executionProviders`,
  )
}

/** The backends behind `executionProviders`; whether the host has a GPU shows when a session is created. */
export const listSupportedBackends = (): { readonly name: string; readonly bundled: boolean }[] =>
  Object.keys(providers).map((name) => ({ name, bundled: true }))
