import { version } from '../package.json'
import { LanewiseError } from './core/errors.js'
import type { Source } from './core/source.js'
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
import { type Feeds, type Fetches, InferenceSession as Session, type ValueMetadata } from './session.js'

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
  readonly webgpu: Record<string, unknown>
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

/** Providers that lanewise stands in for; every other one is not there. */
const providers: ReadonlySet<string> = new Set(['wasm', 'cpu'])

/** A form that makes tensors from a device's memory: refused by name. */
const onTheHost = (form: string) => (): never => {
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `Tensor.${form} is not there: tensors of lanewise lie on the host, read the data and use new Tensor(type, data, dims)`,
  )
}

/** A tensor on the host, with onnxruntime-common's further members. */
class OrtTensor extends HostTensor {
  #location: 'cpu' | 'none' = 'cpu'

  get location(): 'cpu' | 'none' {
    return this.#location
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
    return new OrtTensor(type, buffer, dims)
  }

  static async fromImage(image: ImageSource, options: FromImageOptions = {}): Promise<OrtTensor> {
    const { elements, dims } = await readImage(image, options)
    return new OrtTensor('float32', elements, dims)
  }

  static fromGpuBuffer = onTheHost('fromGpuBuffer')
  static fromTexture = onTheHost('fromTexture')
  static fromMLTensor = onTheHost('fromMLTensor')
}

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
type ElementTypeMap = { [T in keyof DataTypeMap]: DataTypeMap[T][number] }
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

type Values = Readonly<Record<string, Tensor>>
type ExternalFile = string | { readonly path: string; readonly data: Source }
type ModelSource = string | URL | Uint8Array | ArrayBufferLike

export declare namespace InferenceSession {
  /** What tunes onnxruntime alone is accepted, and changes nothing. */
  export interface SessionOptions {
    readonly executionProviders?: readonly (string | { readonly name: string })[]
    readonly intraOpNumThreads?: number
    /** The files beside the model: their content, or where it lies; a name alone stands for the file of that name. */
    readonly externalData?: readonly ExternalFile[]
    readonly [option: string]: unknown
  }
  export interface RunOptions {
    readonly tag?: string
    readonly terminate?: boolean
    readonly [option: string]: unknown
  }
  export type OnnxValue = Tensor
  export type OnnxValueMapType = Readonly<Record<string, OnnxValue>>
  export type NullableOnnxValueMapType = Readonly<Record<string, OnnxValue | null>>
  export type FeedsType = OnnxValueMapType
  export type FetchesType = readonly string[] | NullableOnnxValueMapType
  export type ReturnType = OnnxValueMapType
  export type { ValueMetadata }
}

/** onnxruntime-common's InferenceSession over lanewise's. */
export class InferenceSession {
  readonly #session: Session

  private constructor(session: Session) {
    this.#session = session
  }

  /** From a path, a URL, bytes, or a stretch of a buffer. Throws LanewiseError as lanewise's own session does. */
  static create(source: ModelSource, options?: InferenceSession.SessionOptions): Promise<InferenceSession>
  static create(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: InferenceSession.SessionOptions,
  ): Promise<InferenceSession>
  static async create(source: ModelSource, ...rest: readonly unknown[]): Promise<InferenceSession> {
    const [offset, length] = rest
    const ranged = typeof offset === 'number'
    const options = (ranged ? (typeof length === 'number' ? rest[2] : length) : offset) as
      | InferenceSession.SessionOptions
      | undefined
    if (options !== undefined && (typeof options !== 'object' || options === null))
      throw new LanewiseError('INVALID_ARGUMENT', `the options of a session are an object, got ${options}`)
    const bytes = ranged ? stretch(source as ArrayBufferLike, offset, length) : source
    checkProviders(options?.executionProviders)
    const threads = options?.intraOpNumThreads || env.wasm.numThreads || undefined
    const externalData = options?.externalData && Object.fromEntries(options.externalData.map(fileOf))
    return new InferenceSession(await Session.create(bytes, { threads, externalData }))
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames
  }

  get inputMetadata(): readonly ValueMetadata[] {
    return this.#session.inputMetadata
  }

  get outputMetadata(): readonly ValueMetadata[] {
    return this.#session.outputMetadata
  }

  run(
    feeds: InferenceSession.FeedsType,
    options?: InferenceSession.RunOptions,
  ): Promise<InferenceSession.OnnxValueMapType>
  run(
    feeds: InferenceSession.FeedsType,
    fetches: InferenceSession.FetchesType,
    options?: InferenceSession.RunOptions,
  ): Promise<InferenceSession.OnnxValueMapType>
  async run(feeds: Values, second?: InferenceSession.FetchesType | InferenceSession.RunOptions): Promise<Values> {
    const outputs = await this.#session.run(feeds as unknown as Feeds, this.#fetchesOf(second))
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [
        name,
        (tensor instanceof OrtTensor
          ? tensor
          : new OrtTensor(tensor.type, tensor.data, tensor.dims)) as unknown as Tensor,
      ]),
    )
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  /** Accepted, and without effect. */
  startProfiling(): void {}
  endProfiling(): void {}

  /** The second argument of `run` if it names outputs, and not run options. */
  #fetchesOf(argument: InferenceSession.FetchesType | InferenceSession.RunOptions | undefined): Fetches | undefined {
    if (argument === undefined || Array.isArray(argument)) return argument as Fetches | undefined
    if (typeof argument !== 'object' || argument === null)
      throw new LanewiseError('INVALID_ARGUMENT', `run takes names or tensors to fetch, or options, got ${argument}`)
    const names = Object.keys(argument)
    return names.some((name) => this.outputNames.includes(name)) ? (argument as unknown as Fetches) : undefined
  }
}

/** The bytes of `buffer` from `offset` on. Throws INVALID_ARGUMENT for a stretch that is not there. */
function stretch(buffer: ArrayBufferLike, offset: number, length: unknown): Uint8Array {
  const bytes = typeof length === 'number' ? length : buffer.byteLength - offset
  const isThere = [offset, bytes].every((size) => Number.isInteger(size) && size >= 0)
  if (!isThere || offset + bytes > buffer.byteLength)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `the buffer of ${buffer.byteLength} bytes has no ${bytes} bytes from ${offset} on`,
    )
  return new Uint8Array(buffer, offset, bytes)
}

const fileOf = (file: ExternalFile): [string, Source] =>
  typeof file === 'string' ? [file, file] : [file.path.replace(/^\.\//, ''), file.data]

function checkProviders(asked: InferenceSession.SessionOptions['executionProviders']): void {
  if (!asked?.length) return
  const names = asked.map((provider) => (typeof provider === 'string' ? provider : provider.name))
  const missing = names.filter((name) => !providers.has(name))
  if (missing.length === names.length)
    throw new LanewiseError(
      'BACKEND_UNAVAILABLE',
      `no available backend: ${missing.join(', ')} asked for, lanewise/ort has wasm; add it to executionProviders`,
    )
  if (missing.length > 0) console.warn(`lanewise/ort: ${missing.join(', ')} is not there, running on wasm`)
}

/** The backends behind `executionProviders`. */
export const listSupportedBackends = (): { readonly name: string; readonly bundled: boolean }[] =>
  [...providers].map((name) => ({ name, bundled: true }))

/** What makes sessions: the class itself. */
export type InferenceSessionFactory = Pick<typeof InferenceSession, 'create'>

export default { InferenceSession, Tensor, env, listSupportedBackends }
