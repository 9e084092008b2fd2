import type { Value } from '../../core/ir.js'
import { formatShape, normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { unsqueeze } from '../../ops/compose.js'
import { invalid, type KerasConfig } from '../config.js'
import { type ArrayLikeData, toTensor } from '../training/data.js'
import { adapted } from './adaptations.js'
import type { CallContext } from './context.js'
import { binsPolicy, encodeClasses, integers, outputMode } from './encoding.js'
import {
  any,
  axes,
  type Field,
  flag,
  initializer,
  maybe,
  neededAny,
  neededCount,
  number,
  type OptionsOf,
  only,
  type ValuesOf,
} from './fields.js'
import { type CallArguments, Layer, type LayerOptions } from './layer.js'
import { type KerasShape, knownDim, layerError } from './shapes.js'
import type { Weight } from './weight.js'

/** What `adapt` looks at: all samples, or batches of them. */
export type AdaptData = ArrayLikeData | AsyncIterable<ArrayLikeData>

/** The batches that `data` stands for. */
export async function* batchesOf(data: AdaptData, what: string): AsyncIterable<Tensor> {
  if (typeof data === 'object' && Symbol.asyncIterator in data)
    for await (const batch of data) yield toTensor(batch, what)
  else yield toTensor(data, what)
}

type NumberOrList = number | readonly number[]

const isNumbers = (value: unknown): boolean =>
  (Array.isArray(value) ? value : [value]).every((item) => typeof item === 'number' && Number.isFinite(item))

/** A number or a list of numbers. */
const numbers: Field<NumberOrList, NumberOrList, true> = {
  ...neededAny<NumberOrList>(),
  read(value, what) {
    if (!isNumbers(value)) throw invalid(`${what} must be a number or a list of numbers, got ${JSON.stringify(value)}`)
    return value
  },
}

/** A constant that broadcasts along the last axis. */
const constantOf = (emit: CallContext['emit'], value: NumberOrList): Value | number =>
  typeof value === 'number' ? value : emit.constant(new Tensor('float32', value, [value.length]))

const rescalingFields = { scale: numbers, offset: { ...numbers, needed: false as const, fallback: 0 } }

/** x * scale + offset, in float32. */
export class Rescaling extends Layer<ValuesOf<typeof rescalingFields>> {
  static override readonly fields = rescalingFields
  static override readonly passesMask: boolean = true

  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { scale, offset } = this.options
    const scaled = emit.mul(emit.cast(x, 'float32'), constantOf(emit, scale))
    return offset === 0 ? scaled : emit.add(scaled, constantOf(emit, offset))
  }
}

const normalizationFields = {
  /** The axes that have means and variances of their own; null: one for all. */
  axis: {
    needed: false,
    fallback: -1,
    read: (value, what, rank) => [axes(-1).read(value ?? [], what, rank)].flat(),
    write: (value) => value,
  } satisfies Field<number | readonly number[] | null, readonly number[]> as Field<
    number | readonly number[] | null,
    readonly number[]
  >,
  invert: flag(false),
  mean: maybe<NumberOrList>(numbers),
  variance: maybe<NumberOrList>(numbers),
}

/** (x - mean) / sqrt(variance), by given statistics or by those of the data that `adapt` saw. */
export class Normalization extends Layer<ValuesOf<typeof normalizationFields>> {
  static override readonly fields = normalizationFields
  static override readonly passesMask: boolean = true
  #axes: readonly number[] = []

  constructor(options: LayerOptions & OptionsOf<typeof normalizationFields> = {}, className?: string) {
    super((options.axis === null ? { ...options, axis: [] } : options) as LayerOptions, className)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const { axis, mean, variance } = this.options
    if ((mean === null) !== (variance === null)) throw layerError(this, 'needs both mean and variance, or neither')
    this.#axes = axis.map((item) => normalizeAxis(item, shape.length)).sort((a, b) => a - b)
    if (mean !== null) return
    const sizes = this.#axes.map((item) => knownDim(this, shape, item))
    const start = (name: string) => ({ initializer: initializer(name).read(name, '', 0), trainable: false })
    this.addWeight('mean', sizes, start('zeros'))
    this.addWeight('variance', sizes, start('ones'))
    this.addWeight('count', [], { ...start('zeros'), dtype: 'int32' })
  }

  /**
   * Sets mean and variance to those of `data`, computed in float64. Builds the layer, if need be. Throws
   * INVALID_ARGUMENT for a layer with given statistics, and for data without samples.
   */
  async adapt(data: AdaptData): Promise<void> {
    if (this.options.mean !== null) throw layerError(this, 'has a given mean and variance: there is nothing to adapt')
    const { momentsOf } = await import('./adapting.js')
    const moments = await momentsOf(batchesOf(data, `the data of '${this.name}'`), ({ dims }) => {
      this.ensureBuilt([[null, ...dims.slice(1)]])
      const sizes = this.#axes.map((axis) => dims[axis])
      const [{ shape }] = this.weightsHere
      if (formatShape(sizes) !== formatShape(shape))
        throw layerError(this, `keeps statistics of shape ${formatShape(shape)}, the data has ${formatShape(dims)}`)
      return this.#axes
    })
    if (!moments) throw invalid(`the data for '${this.name}' to adapt to has no samples`)
    moments.forEach((content, i) => {
      const weight = this.weightsHere[i]
      weight.write(new Tensor('float32', Float32Array.from(content), weight.shape))
    })
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { mean, variance, invert } = this.options
    const rank = x.shape.length
    const spread = (statistic: NumberOrList | null, weight: Weight | undefined): Value => {
      const sizes = x.shape.map((size, axis) => (this.#axes.includes(axis) ? Number(size) : 1))
      if (weight) return emit.reshape(emit.variable(weight), sizes)
      const given = [statistic!].flat()
      const last = this.#axes.at(-1) ?? rank - 1
      if (given.length !== 1 && given.length !== sizes[last])
        throw layerError(this, `has ${given.length} given statistics for ${sizes[last]} features`)
      const shape = sizes.map((_, axis) => (axis === last ? given.length : 1))
      return emit.constant(new Tensor('float32', given, shape))
    }
    const [centre, spreadOf] = [spread(mean, this.weightsHere[0]), spread(variance, this.weightsHere[1])]
    const deviation = emit.maximum(emit.sqrt(spreadOf), 1e-7)
    const value = emit.cast(x, 'float32')
    return invert ? emit.add(centre, emit.mul(value, deviation)) : emit.div(emit.sub(value, centre), deviation)
  }
}

const categoryFields = {
  numTokens: neededCount,
  outputMode: outputMode(['multi_hot', 'one_hot', 'count'] as const, 'multi_hot'),
  sparse: only(false),
}

/** Class numbers to rows of zeros and ones, or of counts, which `countWeights` may weigh. */
export class CategoryEncoding extends Layer<ValuesOf<typeof categoryFields>> {
  static override readonly fields = categoryFields

  override get signature(): readonly string[] {
    return ['inputs', 'count_weights']
  }

  call([x]: readonly Value[], { emit }: CallContext, args: CallArguments = {}): Value {
    const { numTokens, outputMode } = this.options
    const weights = args.count_weights as Value | undefined
    if (weights && outputMode !== 'count')
      throw layerError(this, `takes countWeights in the output mode 'count' only, not in '${outputMode}'`)
    return encodeClasses(emit, emit.cast(x, 'int32'), outputMode, numTokens, weights)
  }
}

const increasing: Field<readonly number[] | null, readonly number[] | null> = {
  ...any<readonly number[] | null>(null),
  read(value, what) {
    if (
      value !== null &&
      !(Array.isArray(value) && isNumbers(value) && value.every((item, i) => !(item < value[i - 1])))
    )
      throw invalid(`${what} must be a list of increasing numbers, got ${JSON.stringify(value)}`)
    return value
  },
}

const discretizationFields = {
  binBoundaries: increasing,
  numBins: maybe(neededCount),
  epsilon: number(0.01),
  outputMode: outputMode(['int', 'one_hot', 'multi_hot', 'count'] as const, 'int'),
  sparse: only(false),
}

/** Numbers to the numbers of their bins: how many boundaries lie at or below them. */
export class Discretization extends Layer<ValuesOf<typeof discretizationFields>> {
  static override readonly fields = discretizationFields
  static override readonly policies = [...Layer.policies, ...integers]
  #boundaries = this.options.binBoundaries

  /** The boundaries between bins; null before `adapt` has found them. */
  get binBoundaries(): readonly number[] | null {
    return this.#boundaries
  }

  /**
   * Sets the boundaries to quantiles of `data`, `numBins` bins with about as many elements each, of a sketch that is
   * right within `epsilon`. Throws INVALID_ARGUMENT for a layer with given boundaries, or in a model already.
   */
  async adapt(data: AdaptData): Promise<void> {
    const { numBins, epsilon } = this.options
    if (numBins === null) throw layerError(this, 'has given binBoundaries; numBins is what adapt needs')
    const batches: number[][] = []
    for await (const batch of batchesOf(data, `the data of '${this.name}'`)) batches.push(batch.toNumbers())
    if (batches.flat().length === 0) throw invalid(`the data for '${this.name}' to adapt to is empty`)
    const { quantiles } = await import('./adapting.js')
    this.#boundaries = quantiles(batches, numBins, epsilon)
    adapted()
  }

  protected override dtypeConfig(): unknown {
    return binsPolicy(this.dtype, this.options.outputMode)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const boundaries = this.#boundaries
    if (!boundaries) throw layerError(this, 'has no boundaries yet: give binBoundaries, or call adapt first')
    const rank = x.shape.length
    const limits = emit.constant(new Tensor('float32', boundaries, [boundaries.length]))
    const reached = emit.greaterOrEqual(unsqueeze(emit, emit.cast(x, 'float32'), rank), limits)
    const bins = emit.cast(emit.sum(emit.cast(reached, 'float32'), [rank]), 'int32')
    return encodeClasses(emit, bins, this.options.outputMode, boundaries.length + 1)
  }

  /** Keras's layer takes no `trainable`. */
  override getConfig(): KerasConfig {
    const { trainable: _, ...config } = super.getConfig()
    return { ...config, bin_boundaries: this.#boundaries }
  }
}
