import { invalid } from '../config.js'
import { Initializer } from '../initializers.js'

/** Windows of SciPy by name: sums of cosines, a0 - a1 cos(x) + a2 cos(2x) - …, x from 0 to 2 pi. */
const cosines: Readonly<Record<string, readonly number[]>> = {
  boxcar: [1],
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
  nuttall: [0.3635819, 0.4891775, 0.1365995, 0.0106411],
  blackmanharris: [0.35875, 0.48829, 0.14128, 0.01168],
  flattop: [0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368],
}

/** A window's name, its values, or null for none. */
export type WindowLike = string | readonly number[] | null

/** The values of a window; `periodic`: of one that goes on. Throws INVALID_ARGUMENT. */
export function windowOf(like: WindowLike, length: number, periodic: boolean): number[] {
  if (like === null) return new Array<number>(length).fill(1)
  if (Array.isArray(like)) {
    if (like.length !== length || like.some((value) => typeof value !== 'number'))
      throw invalid(`a window for frames of ${length} has so many numbers, got ${like.length}`)
    return [...like]
  }
  if (typeof like !== 'string' || !Object.hasOwn(cosines, like))
    throw invalid(`unknown window ${JSON.stringify(like)}; known: ${Object.keys(cosines).join(', ')}, or its numbers`)
  const last = periodic ? length : length - 1
  return Array.from({ length }, (_, i) =>
    length === 1
      ? 1
      : cosines[like].reduce((sum, a, k) => sum + (-1) ** k * a * Math.cos((2 * Math.PI * k * i) / last), 0),
  )
}

const sides = ['real', 'imag'] as const
const scalings = ['density', 'spectrum', null] as const

export interface StftOptions {
  readonly side?: (typeof sides)[number]
  readonly window?: WindowLike
  /** Divides by the window's norm (density) or its sum (spectrum). */
  readonly scaling?: (typeof scalings)[number]
  readonly periodic?: boolean
}

/** Kernels [frame, 1, frequencies] of convolutions that compute one side of a Fourier transform of each frame. */
export function stftKernel(
  shape: readonly number[],
  { side = 'real', window = 'hann', scaling = 'density', periodic = false }: StftOptions,
): Float32Array {
  if (shape.length !== 3) throw invalid(`kernels of STFT have 3 axes, got ${shape.length}`)
  const [length, channels, frequencies] = shape
  const values = windowOf(window, length, periodic)
  const sum = (of: (value: number) => number) => values.reduce((total, value) => total + of(value), 0)
  const scales = { density: () => Math.sqrt(sum((value) => value * value)), spectrum: () => sum(Math.abs) }
  const scale = window === null || scaling === null ? 1 : scales[scaling]()
  const size = 2 * (frequencies - 1)
  const wave = side === 'real' ? Math.cos : Math.sin
  const kernel = new Float32Array(length * channels * frequencies)
  for (let t = 0; t < length; t++)
    for (let c = 0; c < channels; c++)
      for (let f = 0; f < frequencies; f++)
        // The product is taken modulo the size, so that its angle keeps its digits.
        kernel[(t * channels + c) * frequencies + f] =
          (wave((-2 * Math.PI * ((t * f) % size)) / size) * values[t]) / scale
  return kernel
}

/** Keras's initializer STFT. Throws INVALID_ARGUMENT. */
export function stft(options: StftOptions = {}): Initializer {
  const { side = 'real', window = 'hann', scaling = 'density', periodic = false } = options
  if (!sides.includes(side)) throw invalid(`side must be one of ${sides.join(', ')}, got ${JSON.stringify(side)}`)
  if (!scalings.includes(scaling))
    throw invalid(`scaling must be density, spectrum or null, got ${JSON.stringify(scaling)}`)
  return new Initializer('STFT', { side, window, scaling, periodic }, (shape) => stftKernel(shape, options))
}
