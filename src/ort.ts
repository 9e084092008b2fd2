import { version } from '../package.json'
import { LanewiseError } from './core/errors.js'
import { Tensor as HostTensor } from './core/tensor.js'
import { type Fetches, InferenceSession as Session, type ValueMetadata } from './session.js'

/**
 * onnxruntime-web's face: a program that says `import * as ort from 'onnxruntime-web'` runs with `'lanewise/ort'` instead.
 * Settings that only tune onnxruntime (arenas, optimisation levels, wasm paths) are accepted and change nothing.
 */
export const env = {
  /** 0, or absent: as many threads as lanewise chooses. */
  wasm: { numThreads: undefined, simd: true, proxy: false, wasmPaths: undefined, initTimeout: 0 } as {
    numThreads?: number
    simd?: boolean | string
    proxy?: boolean
    wasmPaths?: unknown
    initTimeout?: number
  },
  webgl: {} as Record<string, unknown>,
  webgpu: {} as Record<string, unknown>,
  logLevel: 'warning' as 'verbose' | 'info' | 'warning' | 'error' | 'fatal',
  debug: false,
  trace: false,
  versions: { common: version, web: version },
}

/** Providers that lanewise stands in for; every other one is not there. */
const providers: ReadonlySet<string> = new Set(['wasm', 'cpu'])

/** A tensor on the host, with onnxruntime-common's further members. */
export class Tensor extends HostTensor {
  readonly location = 'cpu'

  override reshape(dims: readonly number[]): Tensor {
    return new Tensor(this.type, this.data, dims)
  }

  static fromPinnedBuffer(type: HostTensor['type'], buffer: HostTensor['data'], dims?: readonly number[]): Tensor {
    return new Tensor(type, buffer, dims)
  }

  /**
   * Pixels as float32 [1, 3 or 4, height, width] (or NHWC), `(pixel + bias) / mean` by channel; /255 unless told.
   * Takes ImageData; draw other pictures on a canvas and read its ImageData. Throws INVALID_ARGUMENT.
   */
  static async fromImage(image: ImageDataLike, options: FromImageOptions = {}): Promise<Tensor> {
    const { width, height, data } = image
    if (!(data?.length === width * height * 4))
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        'fromImage takes ImageData: draw the picture on a canvas and use getImageData',
      )
    const format = options.tensorFormat ?? 'RGB'
    const order = { RGB: [0, 1, 2], BGR: [2, 1, 0], RGBA: [0, 1, 2, 3] }[format]
    const channels = order.length
    const pick = (value: number | readonly number[] | undefined, channel: number, fallback: number) =>
      (typeof value === 'number' ? value : value?.[channel]) ?? fallback
    const nhwc = options.tensorLayout === 'NHWC'
    const elements = new Float32Array(channels * width * height)
    for (let channel = 0; channel < channels; channel++) {
      const bias = pick(options.norm?.bias, channel, 0)
      const mean = pick(options.norm?.mean, channel, 255)
      for (let pixel = 0; pixel < width * height; pixel++)
        elements[nhwc ? pixel * channels + channel : channel * width * height + pixel] =
          (data[4 * pixel + order[channel]] + bias) / mean
    }
    return new Tensor('float32', elements, nhwc ? [1, height, width, channels] : [1, channels, height, width])
  }
}

interface ImageDataLike {
  readonly width: number
  readonly height: number
  readonly data: ArrayLike<number>
}

interface FromImageOptions {
  readonly tensorFormat?: 'RGB' | 'BGR' | 'RGBA'
  readonly tensorLayout?: 'NCHW' | 'NHWC'
  readonly norm?: { readonly bias?: number | readonly number[]; readonly mean?: number | readonly number[] }
}

export interface SessionOptions {
  readonly executionProviders?: readonly (string | { readonly name: string })[]
  readonly intraOpNumThreads?: number
  readonly [option: string]: unknown
}

export interface RunOptions {
  readonly tag?: string
  readonly terminate?: boolean
  readonly [option: string]: unknown
}

type Values = Readonly<Record<string, Tensor>>
type ModelSource = string | URL | Uint8Array | ArrayBufferLike

/** onnxruntime-common's InferenceSession over lanewise's. */
export class InferenceSession {
  readonly #session: Session

  private constructor(session: Session) {
    this.#session = session
  }

  /** From a path, a URL, bytes, or a stretch of a buffer. Throws LanewiseError as lanewise's own session does. */
  static create(source: ModelSource, options?: SessionOptions): Promise<InferenceSession>
  static create(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: SessionOptions,
  ): Promise<InferenceSession>
  static async create(source: ModelSource, ...rest: readonly unknown[]): Promise<InferenceSession> {
    const [offset, length] = rest
    const ranged = typeof offset === 'number'
    const options = (ranged ? (typeof length === 'number' ? rest[2] : length) : offset) as SessionOptions | undefined
    const bytes = ranged
      ? new Uint8Array(source as ArrayBufferLike, offset, typeof length === 'number' ? length : undefined)
      : source
    checkProviders(options?.executionProviders)
    const threads = options?.intraOpNumThreads || env.wasm.numThreads || undefined
    return new InferenceSession(await Session.create(bytes, { threads }))
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

  run(feeds: Values, options?: RunOptions): Promise<Record<string, Tensor>>
  run(feeds: Values, fetches: Fetches, options?: RunOptions): Promise<Record<string, Tensor>>
  async run(feeds: Values, second?: Fetches | RunOptions): Promise<Record<string, Tensor>> {
    const outputs = await this.#session.run(feeds, this.#fetchesOf(second))
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [
        name,
        tensor instanceof Tensor ? tensor : new Tensor(tensor.type, tensor.data, tensor.dims),
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
  #fetchesOf(argument: Fetches | RunOptions | undefined): Fetches | undefined {
    if (argument === undefined || Array.isArray(argument)) return argument as Fetches | undefined
    const names = Object.keys(argument)
    return names.some((name) => this.outputNames.includes(name)) ? (argument as Fetches) : undefined
  }
}

function checkProviders(asked: SessionOptions['executionProviders']): void {
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
