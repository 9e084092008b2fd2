import { RandomGenerator } from '../core/random.js'
import { nextSeed } from '../core/seed.js'
import { sizeOf } from '../core/shape.js'
import {
  camelKeys,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  lookUp,
  type Named,
  noForm,
  snakeCase,
  strict,
} from './config.js'

/** Gives the initial content of a weight: `shape` to float32 elements. */
export class Initializer {
  constructor(
    /** Keras's class name. */
    readonly className: string,
    readonly config: KerasConfig,
    readonly fill: (shape: readonly number[]) => Float32Array,
  ) {}

  /** Throws INVALID_ARGUMENT for one that is a function. */
  serialize(): KerasObject {
    if (!this.className) throw noForm('initializer')
    return kerasObject('keras.initializers', this.className, this.config)
  }
}

/** Initial content as a function of the shape. Throws SHAPE_MISMATCH, when a weight is made, if it gives another number of elements. */
export type Filling = (shape: readonly number[]) => ArrayLike<number>

/** A name, an Initializer, Keras's serialised form, or a function. */
export type InitializerLike = Named<keyof typeof table> | Initializer | KerasObject | Filling

export interface SeedOptions {
  /** Same seed, same values each time; absent: the sequence of `setRandomSeed`. */
  readonly seed?: number | null
}

const generate = (
  shape: readonly number[],
  seed: number | null | undefined,
  next: (random: RandomGenerator) => number,
) => {
  const random = new RandomGenerator(seed ?? nextSeed())
  return Float32Array.from({ length: sizeOf(shape) }, () => next(random))
}

const seeded = (options: SeedOptions | undefined): number | null => options?.seed ?? null

/** Number of inputs and outputs that each weight meets: the last two axes, times the window before them. */
export function fansOf(shape: readonly number[]): [fanIn: number, fanOut: number] {
  if (shape.length < 2) return [shape[0] ?? 1, shape[0] ?? 1]
  const window = sizeOf(shape.slice(0, -2))
  return [window * shape[shape.length - 2], window * shape[shape.length - 1]]
}

export interface VarianceScalingOptions extends SeedOptions {
  readonly scale?: number
  readonly mode?: 'fan_in' | 'fan_out' | 'fan_avg' | 'fanIn' | 'fanOut' | 'fanAvg'
  readonly distribution?: 'uniform' | 'normal' | 'truncated_normal' | 'untruncated_normal'
}

const scaled =
  ({ scale = 1, mode = 'fan_in', distribution = 'truncated_normal', seed }: VarianceScalingOptions) =>
  (shape: readonly number[]): Float32Array => {
    const [fanIn, fanOut] = fansOf(shape)
    const fan = { fan_in: fanIn, fan_out: fanOut, fan_avg: (fanIn + fanOut) / 2 }[snakeCase(mode)]
    if (fan === undefined) throw invalid(`unknown mode '${mode}' of VarianceScaling: fan_in, fan_out or fan_avg`)
    const variance = scale / Math.max(1, fan)
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * variance)
      return generate(shape, seed, (random) => random.uniform(-limit, limit))
    }
    // The standard deviation of a normal distribution cut at two standard deviations is 0.8796… of the uncut one's.
    const deviation = Math.sqrt(variance) / (distribution === 'untruncated_normal' ? 1 : 0.87962566103423978)
    const uncut = distribution === 'untruncated_normal'
    return generate(shape, seed, (random) =>
      uncut ? random.normal(0, deviation) : random.truncatedNormal(0, deviation),
    )
  }

/** Keras's options for which axes count as inputs and outputs; here those that it assumes. */
const noAxes = { input_axes: null, output_axes: null }

const scaling = (
  className: string,
  scale: number,
  mode: 'fan_in' | 'fan_avg',
  distribution: 'uniform' | 'truncated_normal',
) =>
  strict(
    (options?: SeedOptions): Initializer =>
      new Initializer(
        className,
        { seed: seeded(options), ...noAxes },
        scaled({ scale, mode, distribution, ...options }),
      ),
  )

/** Glorot and Bengio, 2010. */
export const glorotUniform = scaling('GlorotUniform', 1, 'fan_avg', 'uniform')
export const glorotNormal = scaling('GlorotNormal', 1, 'fan_avg', 'truncated_normal')
/** He et al., 2015. */
export const heUniform = scaling('HeUniform', 2, 'fan_in', 'uniform')
export const heNormal = scaling('HeNormal', 2, 'fan_in', 'truncated_normal')
/** LeCun et al., 1998. */
export const lecunUniform = scaling('LecunUniform', 1, 'fan_in', 'uniform')
export const lecunNormal = scaling('LecunNormal', 1, 'fan_in', 'truncated_normal')

export const varianceScaling = strict((options: VarianceScalingOptions = {}): Initializer => {
  const { scale = 1, mode = 'fan_in', distribution = 'truncated_normal' } = options
  const config = { scale, mode, distribution, seed: seeded(options), ...noAxes }
  return new Initializer('VarianceScaling', config, scaled(options))
})

const filled = (value: number) => (shape: readonly number[]) => new Float32Array(sizeOf(shape)).fill(value)

export const zeros = strict((): Initializer => new Initializer('Zeros', {}, filled(0)))
export const ones = strict((): Initializer => new Initializer('Ones', {}, filled(1)))
export const constant = strict(
  ({ value = 0 }: { value?: number } = {}): Initializer => new Initializer('Constant', { value }, filled(value)),
)

export const randomUniform = strict((options: SeedOptions & { minval?: number; maxval?: number } = {}): Initializer => {
  const { minval = -0.05, maxval = 0.05 } = options
  return new Initializer('RandomUniform', { seed: seeded(options), minval, maxval }, (shape) =>
    generate(shape, options.seed, (random) => random.uniform(minval, maxval)),
  )
})

export interface NormalOptions extends SeedOptions {
  readonly mean?: number
  readonly stddev?: number
}

export const randomNormal = strict((options: NormalOptions = {}): Initializer => {
  const { mean = 0, stddev = 0.05 } = options
  return new Initializer('RandomNormal', { seed: seeded(options), mean, stddev }, (shape) =>
    generate(shape, options.seed, (random) => random.normal(mean, stddev)),
  )
})

/** Normal values, drawn again when further than two standard deviations from the mean. */
export const truncatedNormal = strict((options: NormalOptions = {}): Initializer => {
  const { mean = 0, stddev = 0.05 } = options
  return new Initializer('TruncatedNormal', { seed: seeded(options), mean, stddev }, (shape) =>
    generate(shape, options.seed, (random) => random.truncatedNormal(mean, stddev)),
  )
})

export const identity = strict(
  ({ gain = 1 }: { gain?: number } = {}): Initializer =>
    new Initializer('Identity', { gain }, (shape) => {
      if (shape.length !== 2) throw invalid(`the Identity initializer fills matrices, got shape [${shape.join(', ')}]`)
      const data = new Float32Array(sizeOf(shape))
      for (let i = 0; i < Math.min(shape[0], shape[1]); i++) data[i * shape[1] + i] = gain
      return data
    }),
)

/** Orthonormal rows or columns (Saxe et al., 2013), the leading axes taken as one. */
export const orthogonal = strict((options: SeedOptions & { gain?: number } = {}): Initializer => {
  const { gain = 1 } = options
  return new Initializer('Orthogonal', { seed: seeded(options), gain }, (shape) => {
    if (shape.length < 2) throw invalid(`the Orthogonal initializer needs two axes, got shape [${shape.join(', ')}]`)
    const columns = shape[shape.length - 1]
    const rows = sizeOf(shape) / columns
    const count = Math.min(rows, columns)
    const length = Math.max(rows, columns)
    const random = new RandomGenerator(options.seed ?? nextSeed())
    const basis: Float64Array[] = []
    while (basis.length < count) {
      const vector = Float64Array.from({ length }, () => random.normal())
      // Twice, as one pass of Gram-Schmidt leaves rounding errors behind.
      for (let pass = 0; pass < 2; pass++)
        for (const other of basis) {
          const dot = vector.reduce((sum, value, i) => sum + value * other[i], 0)
          for (let i = 0; i < length; i++) vector[i] -= dot * other[i]
        }
      const norm = Math.hypot(...vector)
      if (norm > 1e-6) basis.push(vector.map((value) => value / norm))
    }
    const data = new Float32Array(rows * columns)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        data[row * columns + column] = gain * (rows >= columns ? basis[column][row] : basis[row][column])
    return data
  })
})

const table = {
  glorot_uniform: glorotUniform,
  glorot_normal: glorotNormal,
  he_uniform: heUniform,
  he_normal: heNormal,
  lecun_uniform: lecunUniform,
  lecun_normal: lecunNormal,
  variance_scaling: varianceScaling,
  zeros,
  ones,
  constant,
  random_uniform: randomUniform,
  random_normal: randomNormal,
  truncated_normal: truncatedNormal,
  identity,
  identity_initializer: identity,
  orthogonal,
  orthogonal_initializer: orthogonal,
} as const satisfies Readonly<Record<string, (...given: never[]) => Initializer>>

/** Resolves a name, a serialised initializer or a function. Throws INVALID_ARGUMENT. */
export function resolveInitializer(like: InitializerLike): Initializer {
  if (like instanceof Initializer) return like
  if (typeof like === 'function') return new Initializer('', {}, (shape) => Float32Array.from(like(shape)))
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  return lookUp<(...given: never[]) => Initializer>(
    table,
    name,
    'initializer',
  )(...([camelKeys(config), true] as never[]))
}
