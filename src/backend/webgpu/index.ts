import type { DType, TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { ConstantOf, Node, Variable } from '../../core/ir.js'
import { sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import type { Plan } from '../../plan/plan.js'
import type { Backend, BackendReport, Executable, Storage } from '../backend.js'
import { Gpu, type GpuUsage } from './device.js'
import { ELEMENT_BYTES, elementTypeOf, fromGpu, gpuLayout, toGpu } from './elements.js'
import { type Machine, WebGpuExecutable } from './executable.js'
import { requireAdapter } from './host.js'
import { accelerates, lowerings } from './lower/index.js'
import type { WebGpuOptions } from './options.js'
import type { Tuning } from './tuning.js'

/** A backend that tells what it holds on its device. */
export interface WebGpuBackend extends Backend {
  readonly usage: GpuUsage
  readonly tuning: Tuning
}

/** The backend that runs plans on a GPU, graphs that it refuses on `substitute`. Throws BACKEND_UNAVAILABLE, saying why, where the host has no WebGPU. */
export async function createWebGpuBackend(
  options: WebGpuOptions = {},
  substitute?: () => Promise<Backend>,
): Promise<WebGpuBackend> {
  const found = await requireAdapter(options)
  const { name, software, provider } = found.report
  const gpu = await Gpu.open(found, options)
  const notes = [
    ...(software ? [`the adapter ${name} is software: the processor does the work of a GPU`] : []),
    ...(gpu.tuning.operands === 'rounded'
      ? [`the adapter ${name} has no shader-f16: mixed precision rounds operands and gains no speed`]
      : []),
  ]
  return new Backing(
    gpu,
    {
      name: 'webgpu',
      threads: 1,
      variant: `${name}, by ${provider}`,
      notes,
    },
    substitute,
  )
}

class WebGpuStorage implements Storage {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly #gpu: Gpu
  readonly #buffer: GPUBuffer
  #disposed = false

  constructor(gpu: Gpu, dtype: DType, shape: readonly number[]) {
    if (elementTypeOf(dtype) === undefined)
      throw new LanewiseError('TYPE_MISMATCH', `GPU buffers hold no ${dtype}; use the wasm backend`)
    this.dtype = dtype
    this.shape = shape
    this.#gpu = gpu
    this.#buffer = gpu.createBuffer(sizeOf(shape) * ELEMENT_BYTES, `a variable ${dtype} [${shape.join(', ')}]`)
  }

  /** Throws DISPOSED. */
  bufferIn(gpu: Gpu): GPUBuffer | undefined {
    this.#check()
    return gpu === this.#gpu ? this.#buffer : undefined
  }

  write(data: TypedArray): void {
    this.#check()
    this.#gpu.write(this.#buffer, 0, toGpu(this.dtype, data, sizeOf(this.shape), 'a variable'))
  }

  async read(): Promise<TypedArray> {
    this.#check()
    return fromGpu(this.dtype, await this.#gpu.read(this.#buffer, 0, sizeOf(this.shape) * ELEMENT_BYTES))
  }

  dispose(): void {
    this.#disposed = true
    this.#gpu.destroyBuffer(this.#buffer)
  }

  #check(): void {
    if (this.#disposed) throw new LanewiseError('DISPOSED', 'the memory of this variable was given back')
  }
}

class Backing implements WebGpuBackend, Machine {
  readonly layout = gpuLayout
  readonly mayBeLost = true
  readonly gpu: Gpu
  readonly report: BackendReport
  readonly #constants = new Map<Tensor, { readonly buffer: GPUBuffer; uses: number }>()

  readonly substitute?: () => Promise<Backend>

  constructor(gpu: Gpu, report: BackendReport, substitute: (() => Promise<Backend>) | undefined) {
    this.gpu = gpu
    this.report = report
    if (substitute) this.substitute = substitute
  }

  get usage(): GpuUsage {
    return this.gpu.usage
  }

  get tuning(): Tuning {
    return this.gpu.tuning
  }

  ready(): Promise<void> {
    return this.gpu.settle()
  }

  workspace(node: Node, constant: ConstantOf): number {
    return accelerates(node, constant) ? (lowerings[node.op].workspace?.(node, constant, this.gpu.tuning) ?? 0) : 0
  }

  accelerates(node: Node, constant: ConstantOf): boolean {
    return accelerates(node, constant)
  }

  allocate(dtype: DType, shape: readonly number[]): Storage {
    return new WebGpuStorage(this.gpu, dtype, shape)
  }

  load(plan: Plan, storageOf: (variable: Variable) => Storage): Executable {
    this.gpu.check()
    return new WebGpuExecutable(this, plan, storageOf)
  }

  retainConstant(tensor: Tensor): GPUBuffer {
    const known = this.#constants.get(tensor)
    if (known) {
      known.uses++
      return known.buffer
    }
    const data = toGpu(tensor.type, tensor.data as TypedArray, tensor.size, 'a constant')
    const buffer = this.gpu.createBuffer(data.byteLength, 'a constant')
    this.gpu.write(buffer, 0, data)
    this.#constants.set(tensor, { buffer, uses: 1 })
    return buffer
  }

  releaseConstant(tensor: Tensor): void {
    const known = this.#constants.get(tensor)
    if (known === undefined || --known.uses > 0) return
    this.#constants.delete(tensor)
    this.gpu.destroyBuffer(known.buffer)
  }

  bufferOf(storage: Storage): GPUBuffer {
    const buffer = storage instanceof WebGpuStorage ? storage.bufferIn(this.gpu) : undefined
    if (buffer === undefined)
      throw new LanewiseError('INVALID_ARGUMENT', 'a variable lies in the memory of another backend')
    return buffer
  }

  /** Destroys the device; executables and variables of this backend cannot be used any more. */
  dispose(): void {
    this.#constants.clear()
    this.gpu.destroy()
  }
}
