import { LanewiseError } from '../../core/errors.js'
import { type FoundAdapter, type UsedLimits, usedLimits } from './host.js'
import type { Dispatch } from './kernel.js'
import type { WebGpuOptions } from './options.js'
import { type Tuning, tuningFor } from './tuning.js'

/** Flags of GPUBufferUsage and GPUMapMode, which Node has no globals for. */
const usage = { mapRead: 1, copySource: 4, copyTarget: 8, storage: 128 } as const
const mapRead = 1

/** Pipelines that no executable uses and that are kept for the next one. */
const idlePipelines = 256
/** Staging buffers up to this size are kept: the few sizes that a training loop reads. */
const keptStagingBytes = 65536
const keptStaging = 2
/** Milliseconds in which the loss of a device is told, once it gives nothing back. */
const lossDelay = 1000

interface Pipeline {
  readonly compiled: Promise<GPUComputePipeline>
  uses: number
}

/** What lives on a device: for tests, and to see that nothing grows. */
export interface GpuUsage {
  readonly buffers: number
  readonly bytes: number
  readonly pipelines: number
}

/** One device: its buffers, its pipelines, and what went wrong on it. */
export class Gpu {
  readonly device: GPUDevice
  readonly limits: UsedLimits
  readonly tuning: Tuning
  readonly #pipelines = new Map<string, Pipeline>()
  readonly #layouts = new Map<string, { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout }>()
  readonly #buffers = new Set<GPUBuffer>()
  readonly #staging = new Map<number, GPUBuffer[]>()
  readonly #checks = new Set<Promise<void>>()
  #bytes = 0
  /** What ended the device. */
  #end: LanewiseError | undefined
  /** What went wrong and was not told yet. */
  #fault: LanewiseError | undefined

  private constructor(device: GPUDevice, tuning: Tuning) {
    this.device = device
    this.tuning = tuning
    this.limits = usedLimits(device.limits)
    void device.lost.then(({ reason, message }) => {
      this.#end ??= new LanewiseError(
        'DEVICE_LOST',
        `the GPU device was lost, and all that lay on it (${message || reason}); create sessions anew`,
      )
    })
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event as GPUUncapturedErrorEvent
      this.#fail(error, 'the device', error.constructor.name === 'GPUOutOfMemoryError')
    })
  }

  /** A device with the limits and features of its adapter, and the kernels that suit it or are asked for. Throws BACKEND_UNAVAILABLE. */
  static async open({ adapter, report }: FoundAdapter, options: WebGpuOptions = {}): Promise<Gpu> {
    const wanted = (['subgroups', 'shader-f16', 'timestamp-query'] as GPUFeatureName[]).filter((feature) =>
      adapter.features.has(feature),
    )
    try {
      const requiredLimits = { ...usedLimits(adapter.limits) }
      const device = await adapter.requestDevice({ requiredFeatures: wanted, requiredLimits })
      return new Gpu(device, tuningFor(report, options))
    } catch (cause) {
      throw new LanewiseError('BACKEND_UNAVAILABLE', `the adapter gives no device: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  get usage(): GpuUsage {
    return { buffers: this.#buffers.size, bytes: this.#bytes, pipelines: this.#pipelines.size }
  }

  /** Throws what went wrong on the device, if anything did: its end each time, anything else once. */
  check(): void {
    if (this.#end) throw this.#end
    const fault = this.#fault
    this.#fault = undefined
    if (fault) throw fault
  }

  /** Waits for the checks of all that was made so far. Throws what went wrong. */
  async settle(): Promise<void> {
    await Promise.all(this.#checks)
    this.check()
  }

  /** Runs `make`; what the device finds wrong with it is thrown by `settle`, naming `what`. */
  guard<T>(what: string, make: () => T): T {
    const { device } = this
    const scopes = ['validation', 'out-of-memory'] as const
    for (const scope of scopes) device.pushErrorScope(scope)
    try {
      return make()
    } finally {
      for (const scope of scopes.toReversed()) {
        const check = device.popErrorScope().then(
          (error) => {
            if (error) this.#fail(error, what, scope === 'out-of-memory')
          },
          // A lost device has no error to give; `lost` tells why.
          () => {},
        )
        this.#checks.add(check)
        void check.then(() => this.#checks.delete(check))
      }
    }
  }

  /** A zeroed buffer for kernels of at least `bytes` bytes, a whole number of vec4s. Throws OUT_OF_MEMORY beyond the limits. */
  createBuffer(bytes: number, what: string): GPUBuffer {
    this.check()
    const size = Math.max(16, Math.ceil(bytes / 16) * 16)
    if (size > this.limits.maxBufferSize)
      throw new LanewiseError(
        'OUT_OF_MEMORY',
        `${what} takes ${size} bytes; this adapter's buffers hold ${this.limits.maxBufferSize} at most. Run smaller batches, or on wasm`,
      )
    return this.#create(size, usage.storage | usage.copySource | usage.copyTarget, what)
  }

  destroyBuffer(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return
    this.#bytes -= buffer.size
    buffer.destroy()
  }

  write(buffer: GPUBuffer, offset: number, data: Float32Array | Int32Array | Uint32Array): void {
    this.check()
    if (data.byteLength > 0) this.device.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>)
  }

  /** A copy of `bytes` bytes of `buffer`, once all that was submitted before has run. Throws what went wrong on the device. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.check()
    if (bytes === 0) return new ArrayBuffer(0)
    const size = bytes <= keptStagingBytes ? 2 ** Math.ceil(Math.log2(Math.max(16, bytes))) : Math.ceil(bytes / 4) * 4
    const free = this.#staging.get(size) ?? []
    this.#staging.set(size, free)
    const staging = free.pop() ?? this.#create(size, usage.mapRead | usage.copyTarget, 'a staging buffer')
    this.guard('a readback', () => {
      const encoder = this.device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes)
      this.device.queue.submit([encoder.finish()])
    })
    try {
      await staging.mapAsync(mapRead, 0, bytes)
    } catch (cause) {
      this.destroyBuffer(staging)
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, lossDelay))])
      await this.settle()
      throw new LanewiseError('BACKEND_UNAVAILABLE', `the GPU gives nothing back: ${(cause as Error).message}`, {
        cause,
      })
    }
    const copy = staging.getMappedRange(0, bytes).slice(0)
    staging.unmap()
    if (size <= keptStagingBytes && free.length < keptStaging) free.push(staging)
    else this.destroyBuffer(staging)
    await this.settle()
    return copy
  }

  /** The layout of bindings that are read (`r`) or written (`w`), in order. */
  layoutOf(access: string): { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout } {
    let layout = this.#layouts.get(access)
    if (!layout) {
      const group = this.device.createBindGroupLayout({
        entries: [...access].map((letter, binding) => ({
          binding,
          visibility: 4,
          buffer: { type: letter === 'r' ? 'read-only-storage' : 'storage' },
        })),
      })
      layout = { group, pipeline: this.device.createPipelineLayout({ bindGroupLayouts: [group] }) }
      this.#layouts.set(access, layout)
    }
    return layout
  }

  /** The pipeline of a dispatch, compiled once for each text; each call is one use, given back by `releasePipeline`. */
  retainPipeline({ kernel, code, access }: Dispatch): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(code)
    if (!pipeline) {
      pipeline = { compiled: this.#compile(kernel, code, access), uses: 0 }
    }
    // The last of the map are the most recently used.
    this.#pipelines.delete(code)
    this.#pipelines.set(code, pipeline)
    pipeline.uses++
    return pipeline.compiled
  }

  releasePipeline({ code }: Dispatch): void {
    const pipeline = this.#pipelines.get(code)
    if (pipeline) pipeline.uses--
    if (this.#pipelines.size <= idlePipelines) return
    for (const [key, { uses }] of this.#pipelines)
      if (uses === 0 && this.#pipelines.size > idlePipelines) this.#pipelines.delete(key)
  }

  /** Ends the device and all that lives on it. */
  destroy(): void {
    this.#end ??= new LanewiseError('DISPOSED', 'this backend was disposed of')
    for (const buffer of this.#buffers) buffer.destroy()
    this.#buffers.clear()
    this.#bytes = 0
    this.#pipelines.clear()
    this.device.destroy()
  }

  /** A text that the device refuses is an error of the pipeline, not of the device. */
  async #compile(kernel: string, code: string, access: string): Promise<GPUComputePipeline> {
    const { device } = this
    const layout = this.layoutOf(access).pipeline
    device.pushErrorScope('validation')
    const module = device.createShaderModule({ label: kernel, code })
    const checked = device.popErrorScope()
    const compiled = device.createComputePipelineAsync({
      label: kernel,
      layout,
      compute: { module, entryPoint: 'main' },
    })
    compiled.catch(() => {})
    const refused = await checked
    if (refused) throw new Error(refused.message)
    return compiled
  }

  #create(size: number, flags: number, what: string): GPUBuffer {
    const buffer = this.guard(what, () => this.device.createBuffer({ label: what, size, usage: flags }))
    this.#buffers.add(buffer)
    this.#bytes += size
    return buffer
  }

  #fail(error: GPUError, what: string, memory: boolean): void {
    this.#fault ??= memory
      ? new LanewiseError('OUT_OF_MEMORY', `the GPU has no memory for ${what}: ${error.message}. Run smaller batches`)
      : new LanewiseError('BACKEND_UNAVAILABLE', `the GPU refuses ${what}: ${error.message}`)
  }
}
