import { LanewiseError } from '../../core/errors.js'
import { node } from '../../core/node.js'
import type { AdapterReport, WebGpuOptions, WebGpuSupport } from './options.js'

interface Provider {
  readonly gpu: GPU
  readonly name: string
}

// Held for the life of the process: Dawn's objects must not outlive the instance that made them.
let provider: Promise<Provider | string> | undefined

const hostGpu = (): GPU | undefined => (typeof navigator === 'undefined' ? undefined : navigator.gpu)

/** The host's WebGPU, or why there is none. */
function findProvider(): Promise<Provider | string> {
  provider ??= (async () => {
    const gpu = hostGpu()
    if (gpu) return { gpu, name: 'navigator.gpu' }
    if (typeof process === 'undefined' || process.versions?.node === undefined)
      return 'this host has no navigator.gpu (browsers give it to pages served over https or from localhost)'
    // Not a literal: bundlers must not look for an optional package.
    const name = 'webgpu'
    try {
      const { create } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
        create(flags: readonly string[]): GPU
      }
      return { gpu: create([]), name: `the package ${name}` }
    } catch (cause) {
      const { code, message } = cause as { code?: string; message: string }
      return code === 'ERR_MODULE_NOT_FOUND'
        ? `Node has WebGPU through the optional package ${name}; install it beside lanewise: npm install ${name}`
        : `the package ${name} does not load here: ${message}`
    }
  })()
  return provider
}

const noAdapter = (name: string): string =>
  name === 'navigator.gpu'
    ? `${name} finds no adapter: the browser has none for this GPU and its driver, or hardware acceleration is switched off`
    : `${name} finds no adapter: no GPU driver with Vulkan, Metal or Direct3D 12. On Linux, VK_ICD_FILENAMES may name a software one, as SwiftShader's vk_swiftshader_icd.json`

/** The limits that kernels and buffers care about. */
const limitNames = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[]

export type UsedLimits = Readonly<Record<(typeof limitNames)[number], number>>

export const usedLimits = (limits: GPUSupportedLimits): UsedLimits =>
  Object.fromEntries(limitNames.map((name) => [name, limits[name]])) as UsedLimits

/** An adapter and how it is called. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter
  readonly report: AdapterReport
}

/** The adapter for `options`, or why there is none. */
export async function findAdapter(options: WebGpuOptions = {}): Promise<FoundAdapter | string> {
  const found = await findProvider()
  if (typeof found === 'string') return found
  const { powerPreference } = options
  const adapter = await found.gpu.requestAdapter(powerPreference ? { powerPreference } : {})
  if (!adapter) return noAdapter(found.name)
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info
  const name = [...new Set([vendor, architecture, description || device])].filter(Boolean).join(' ')
  return {
    adapter,
    report: {
      name: name || 'an adapter without a name',
      software: isFallbackAdapter,
      provider: found.name,
      features: [...adapter.features].sort(),
      languageFeatures: [...(found.gpu.wgslLanguageFeatures ?? [])].sort(),
      limits: usedLimits(adapter.limits),
    },
  }
}

/** What `environment()` tells of WebGPU. */
export async function webGpuSupport(options: WebGpuOptions = {}): Promise<WebGpuSupport> {
  const found = await findAdapter(options)
  return typeof found === 'string' ? { available: false, reason: found } : { available: true, adapter: found.report }
}

/** Linux's files of GPUs: of the kernel's drivers, NVIDIA's, Windows's below WSL, Adreno's, Mali's, Tegra's. */
const deviceFiles = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0', '/dev/nvmap']

/**
 * Whether the host can have a GPU that is no software. Without one, drivers write complaints to standard error when they are
 * asked, so that what only wants hardware does not ask them.
 */
async function mayHaveGpu(): Promise<boolean> {
  if (
    hostGpu() ||
    !node ||
    process.platform !== 'linux' ||
    process.env['VK_ICD_FILENAMES'] ||
    process.env['VK_DRIVER_FILES']
  )
    return true
  const { access } = await node.fs()
  return Promise.any(deviceFiles.map((path) => access(path))).then(
    () => true,
    () => false,
  )
}

/** Whether there is an adapter that is no software. */
export async function hasHardware(options: WebGpuOptions): Promise<boolean> {
  if (!(await mayHaveGpu())) return false
  const found = await findAdapter(options)
  return typeof found !== 'string' && !found.report.software
}

/** As `findAdapter`. Throws BACKEND_UNAVAILABLE, saying why, where there is none. */
export async function requireAdapter(options: WebGpuOptions): Promise<FoundAdapter> {
  const found = await findAdapter(options)
  if (typeof found === 'string') throw new LanewiseError('BACKEND_UNAVAILABLE', `there is no WebGPU: ${found}`)
  return found
}
