import { LanewiseError } from './core/errors.js'
import { Tensor as HostTensor } from './core/tensor.js'
import {
  type FromImageOptions,
  type HostImageData,
  type ImageSource,
  readImage,
  type ToImageOptions,
  toDataUrl,
  toImageData,
} from './ort-images.js'

/** A form that makes tensors from a device's memory: refused by name. */
const onTheHost = (form: string) => (): never => {
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `Tensor.${form} is not there: tensors of lanewise lie on the host, read the data and use new Tensor(type, data, dims)`,
  )
}

/** A tensor on the host, with onnxruntime-common's further members. */
export class OrtTensor extends HostTensor {
  #location: 'cpu' | 'cpu-pinned' | 'none' = 'cpu'

  /** The forms of HostTensor, and `{ location: 'cpu-pinned', type, data, dims }`. */
  constructor(...args: readonly unknown[]) {
    const [params] = args
    const pinned = isPinned(params)
    const operands = pinned ? [params.type, params.data, params.dims] : args
    super(...(operands as [HostTensor['type'], HostTensor['data'], readonly number[]]))
    if (pinned) this.#location = 'cpu-pinned'
  }

  get location(): 'cpu' | 'cpu-pinned' | 'none' {
    return this.#location
  }

  get texture(): never {
    return onTheHost('texture')()
  }

  get gpuBuffer(): never {
    return onTheHost('gpuBuffer')()
  }

  get mlTensor(): never {
    return onTheHost('mlTensor')()
  }

  override reshape(dims: readonly number[]): OrtTensor {
    return new OrtTensor(this.type, this.data, dims)
  }

  override async getData(): Promise<HostTensor['data']> {
    return this.data
  }

  /** From then on `data` throws DISPOSED, and `location` is 'none'. */
  override dispose(): void {
    this.#location = 'none'
    Object.defineProperty(this, 'data', {
      get: () => {
        throw new LanewiseError('DISPOSED', 'the tensor was disposed of')
      },
    })
  }

  toImageData(options: ToImageOptions = {}): HostImageData {
    return toImageData(this.dims, this.data as Float32Array, options)
  }

  toDataURL(options?: ToImageOptions): string {
    return toDataUrl(this.toImageData(options))
  }

  static fromPinnedBuffer(type: HostTensor['type'], buffer: HostTensor['data'], dims?: readonly number[]): OrtTensor {
    return new OrtTensor({ location: 'cpu-pinned', type, data: buffer, dims })
  }

  static async fromImage(image: ImageSource, options: FromImageOptions = {}): Promise<OrtTensor> {
    const { elements, dims } = await readImage(image, options)
    return new OrtTensor('float32', elements, dims)
  }

  static fromGpuBuffer = onTheHost('fromGpuBuffer')
  static fromTexture = onTheHost('fromTexture')
  static fromMLTensor = onTheHost('fromMLTensor')
}

/** The host's memory under a name that onnxruntime gives it. */
interface Pinned<T extends Tensor.Type = Tensor.Type> {
  readonly location: 'cpu-pinned'
  readonly type: T
  readonly data: DataTypeMap[T]
  readonly dims: readonly number[]
}

const isPinned = (value: unknown): value is Pinned =>
  typeof value === 'object' && value !== null && (value as Partial<Pinned>).location === 'cpu-pinned'

/** What a tensor of each type holds, and one element of it. */
interface DataTypeMap {
  float32: Float32Array
  uint8: Uint8Array
  int8: Int8Array
  uint16: Uint16Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  string: string[]
  bool: Uint8Array
  float16: Uint16Array
  float64: Float64Array
  uint32: Uint32Array
  uint64: BigUint64Array
  uint4: Uint8Array
  int4: Int8Array
}
type ElementTypeMap = { [T in keyof DataTypeMap]: T extends 'bool' ? boolean : DataTypeMap[T][number] }
type NumericType = Exclude<keyof DataTypeMap, 'string' | 'bool' | 'int64' | 'uint64'>

/** A tensor whose type is known: `data` holds its elements. */
export interface TypedTensor<T extends Tensor.Type> {
  readonly type: T
  readonly dims: readonly number[]
  readonly size: number
  readonly data: Tensor.DataTypeMap[T]
  readonly location: Tensor.DataLocation
  /** Resolves to `data`; `releaseData` is accepted, tensors lie on the host. */
  getData(releaseData?: boolean): Promise<Tensor.DataTypeMap[T]>
  reshape(dims: readonly number[]): TypedTensor<T>
  /** From then on `data` throws DISPOSED. */
  dispose(): void
  /** A tensor [1, 3 or 4, height, width] (or NHWC) as pixels: `(element - bias) * mean`, times 255 unless told. Throws INVALID_ARGUMENT. */
  toImageData(options?: ToImageOptions): HostImageData
  /** The same picture as PNG in a data: URL; in pages. Throws BACKEND_UNAVAILABLE, INVALID_ARGUMENT. */
  toDataURL(options?: ToImageOptions): string
}

/** A tensor of any type. */
export interface Tensor extends TypedTensor<Tensor.Type> {
  reshape(dims: readonly number[]): Tensor
}

export declare namespace Tensor {
  export type { DataTypeMap, ElementTypeMap }
  export type Type = keyof DataTypeMap
  export type DataType = DataTypeMap[Type]
  export type ElementType = ElementTypeMap[Type]
  export type DataLocation = 'none' | 'cpu' | 'cpu-pinned' | 'texture' | 'gpu-buffer' | 'ml-tensor'
}

type Dims = readonly number[]

/** The forms in which onnxruntime-common makes tensors. */
export interface TensorConstructor {
  new (type: 'string', data: readonly string[], dims?: Dims): TypedTensor<'string'>
  new (type: 'bool', data: Uint8Array | readonly boolean[], dims?: Dims): TypedTensor<'bool'>
  new (type: 'uint8', data: Uint8ClampedArray, dims?: Dims): TypedTensor<'uint8'>
  new <T extends 'int64' | 'uint64'>(
    type: T,
    data: DataTypeMap[T] | readonly bigint[] | readonly number[],
    dims?: Dims,
  ): TypedTensor<T>
  new <T extends NumericType>(type: T, data: DataTypeMap[T] | readonly number[], dims?: Dims): TypedTensor<T>
  new (data: Float32Array, dims?: Dims): TypedTensor<'float32'>
  new (data: Int8Array, dims?: Dims): TypedTensor<'int8'>
  new (data: Uint8Array | Uint8ClampedArray, dims?: Dims): TypedTensor<'uint8'>
  new (data: Uint16Array, dims?: Dims): TypedTensor<'uint16'>
  new (data: Int16Array, dims?: Dims): TypedTensor<'int16'>
  new (data: Int32Array, dims?: Dims): TypedTensor<'int32'>
  new (data: BigInt64Array, dims?: Dims): TypedTensor<'int64'>
  new (data: readonly string[], dims?: Dims): TypedTensor<'string'>
  new (data: readonly boolean[], dims?: Dims): TypedTensor<'bool'>
  new (data: Float64Array, dims?: Dims): TypedTensor<'float64'>
  new (data: Uint32Array, dims?: Dims): TypedTensor<'uint32'>
  new (data: BigUint64Array, dims?: Dims): TypedTensor<'uint64'>
  new (
    type: Tensor.Type,
    data: Tensor.DataType | readonly number[] | readonly string[] | readonly bigint[] | readonly boolean[],
    dims?: Dims,
  ): Tensor
  new (data: Tensor.DataType, dims?: Dims): Tensor
  new <T extends Exclude<Tensor.Type, 'string'>>(params: Pinned<T>): TypedTensor<T>
  fromPinnedBuffer<T extends Tensor.Type>(type: T, buffer: DataTypeMap[T], dims?: Dims): TypedTensor<T>
  /**
   * Pixels as float32 [1, 3 or 4, height, width] (or NHWC), `(pixel + bias) / mean` by channel; /255 unless told. An image
   * element gives RGBA unless told, everything else RGB. `resizedWidth` and `resizedHeight` scale the whole picture, the same
   * on every host (onnxruntime-web cuts a corner of that size out). Rejects with INVALID_ARGUMENT, IO_ERROR.
   */
  fromImage(image: ImageSource, options?: FromImageOptions): Promise<TypedTensor<'float32'>>
}

/** A tensor with onnxruntime-common's constructor and `fromImage`. */
export const Tensor = OrtTensor as unknown as TensorConstructor
