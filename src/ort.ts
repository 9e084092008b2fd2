import { LanewiseError } from './core/errors.js'
import type { Source } from './core/source.js'
import { Tensor as HostTensor } from './core/tensor.js'
import {
  type AskedProviders,
  backendFor,
  checkList,
  checkLocations,
  env,
  listSupportedBackends,
  warn,
} from './ort-providers.js'
import { OrtTensor, Tensor } from './ort-tensor.js'
import { type Feeds, type Fetches, InferenceSession as Session, type ValueMetadata } from './session.js'

export { type Env, env, listSupportedBackends } from './ort-providers.js'
export { Tensor, type TensorConstructor, type TypedTensor } from './ort-tensor.js'

type Values = Readonly<Record<string, Tensor>>
type ExternalFile = string | { readonly path: string; readonly data: Source }
type ModelSource = string | URL | Uint8Array | ArrayBufferLike

export declare namespace InferenceSession {
  /** What tunes onnxruntime alone is accepted, and changes nothing. */
  export interface SessionOptions {
    /**
     * wasm unless given; of several, the first that the host has. A model that holds ops without a kernel on webgpu is refused
     * where webgpu stands alone, and runs on wasm as a whole, with a warning, where wasm comes after it.
     */
    readonly executionProviders?: AskedProviders
    readonly intraOpNumThreads?: number
    /** Sizes by the names that the model's inputs have for them: the metadata has them, and a run keeps to them. */
    readonly freeDimensionOverrides?: Readonly<Record<string, number>>
    /** The files beside the model: their content, or where it lies; a name alone stands for the file of that name. */
    readonly externalData?: readonly ExternalFile[]
    readonly [option: string]: unknown
  }
  export interface RunOptions {
    readonly tag?: string
    /** A run that has it rejects. */
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
  readonly #sizes: Sizes
  readonly #told = new Set<string>()

  private constructor(session: Session, sizes: Sizes) {
    this.#session = session
    this.#sizes = sizes
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
    const ranged = typeof offset === 'number' && isBuffer(source)
    const options: InferenceSession.SessionOptions = optionsOf(
      'a session',
      ranged ? (typeof length === 'number' ? rest[2] : length) : offset,
    )
    const bytes = ranged ? stretch(source, offset, length) : source
    checkLocations(options['preferredOutputLocation'])
    const backend = await backendFor(options.executionProviders)
    const sizes = options.freeDimensionOverrides ?? {}
    checkSizes(sizes)
    const threads = options.intraOpNumThreads || env.wasm.numThreads || undefined
    if (options.externalData) checkList('externalData', options.externalData)
    const externalData = options.externalData && Object.fromEntries(options.externalData.map(fileOf))
    return new InferenceSession(await Session.create(bytes, { ...backend, threads, externalData }), sizes)
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames
  }

  get inputMetadata(): readonly ValueMetadata[] {
    return this.#session.inputMetadata.map((input) => bound(input, this.#sizes))
  }

  get outputMetadata(): readonly ValueMetadata[] {
    return this.#session.outputMetadata.map((output) => bound(output, this.#sizes))
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
  async run(feeds: Values, ...rest: readonly unknown[]): Promise<Values> {
    const fetches = this.#fetchesOf(rest[0])
    const options: InferenceSession.RunOptions = optionsOf(
      'a run',
      fetches || rest[0] === undefined ? rest[1] : rest[0],
    )
    if (options.terminate) throw new LanewiseError('INVALID_ARGUMENT', 'the run was told to terminate')
    const given = adopt(feeds)
    this.#checkSizes(given)
    const outputs = await this.#session.run(given, fetches)
    this.#tellMoves()
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [
        name,
        (tensor instanceof HostTensor && !(tensor instanceof OrtTensor)
          ? new OrtTensor(tensor.type, tensor.data, tensor.dims)
          : tensor) as unknown as Tensor,
      ]),
    )
  }

  async release(): Promise<void> {
    await this.#session.release()
  }

  /** Warns, once, that the model moved to another backend than was asked for. */
  #tellMoves(): void {
    for (const note of this.#session.notes)
      if (note.startsWith('the model runs on ') && !this.#told.has(note)) {
        this.#told.add(note)
        warn(note)
      }
  }

  /** Accepted, and without effect. */
  startProfiling(): void {}
  endProfiling(): void {}

  /** The second argument of `run` if it names outputs, and is not run options. Throws INVALID_ARGUMENT. */
  #fetchesOf(argument: unknown): Fetches | undefined {
    if (argument === undefined) return undefined
    if (Array.isArray(argument)) {
      if (argument.length === 0) throw new LanewiseError('INVALID_ARGUMENT', 'run was given no output to fetch')
      return argument
    }
    if (typeof argument !== 'object' || argument === null || isTensor(argument))
      throw new LanewiseError('INVALID_ARGUMENT', `run takes names or tensors to fetch, or options, got ${argument}`)
    return Object.keys(argument).some((name) => this.outputNames.includes(name)) ? (argument as Fetches) : undefined
  }

  /** Throws SHAPE_MISMATCH for a feed of another size than the session's options bind its dimension to. */
  #checkSizes(feeds: Feeds): void {
    for (const { name, shape } of this.#session.inputMetadata) {
      const tensor = feeds?.[name]
      if (!(tensor instanceof HostTensor)) continue
      shape.forEach((dim, axis) => {
        if (Object.hasOwn(this.#sizes, dim) && tensor.dims[axis] !== this.#sizes[dim])
          throw new LanewiseError(
            'SHAPE_MISMATCH',
            `the input '${name}' has ${tensor.dims[axis]} in axis ${axis}, freeDimensionOverrides says ${dim} is ${this.#sizes[dim]}`,
          )
      })
    }
  }
}

type Sizes = Readonly<Record<string, number>>

/** `value` with the sizes that the session's options give. */
const bound = (value: ValueMetadata, sizes: Sizes): ValueMetadata => ({
  ...value,
  shape: value.shape.map((dim) => (Object.hasOwn(sizes, dim) ? sizes[dim] : dim)),
})

const isTensor = (value: unknown): value is HostTensor =>
  typeof value === 'object' && value !== null && 'type' in value && 'dims' in value && 'data' in value

/** What is fed, with tensors of other copies of onnxruntime-common as tensors of lanewise. Mistakes stay for the session to tell. */
function adopt(feeds: unknown): Feeds {
  if (typeof feeds !== 'object' || feeds === null) return feeds as Feeds
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      !(value instanceof HostTensor) && isTensor(value) ? new OrtTensor(value.type, value.data, value.dims) : value,
    ]),
  )
}

const isBuffer = (source: unknown): source is ArrayBufferLike =>
  typeof source === 'object' && source !== null && 'byteLength' in source && !ArrayBuffer.isView(source)

/** What settings with few values take, in sessions and in runs. */
const settings: Readonly<Record<string, readonly unknown[]>> = {
  graphOptimizationLevel: ['disabled', 'basic', 'extended', 'layout', 'all'],
  executionMode: ['sequential', 'parallel'],
  logSeverityLevel: [0, 1, 2, 3, 4],
}

/** The options of `what`; none if they are left out. Throws INVALID_ARGUMENT. */
function optionsOf<T extends Readonly<Record<string, unknown>>>(what: string, options: unknown): T {
  if (options === undefined) return {} as T
  if (typeof options !== 'object' || options === null)
    throw new LanewiseError('INVALID_ARGUMENT', `the options of ${what} are an object, got ${options}`)
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && Object.hasOwn(settings, name) && !settings[name].includes(value))
      throw new LanewiseError('INVALID_ARGUMENT', `${name} is one of ${settings[name].join(', ')}, got ${value}`)
  return options as T
}

function checkSizes(sizes: Sizes): void {
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || size < 0)
      throw new LanewiseError('INVALID_ARGUMENT', `freeDimensionOverrides.${name} is a whole number, got ${size}`)
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

/** What makes sessions: the class itself. */
export type InferenceSessionFactory = Pick<typeof InferenceSession, 'create'>

export default { InferenceSession, Tensor, env, listSupportedBackends }
