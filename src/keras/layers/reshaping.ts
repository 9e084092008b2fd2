import type { Value } from '../../core/ir.js'
import { formatShape, isConcrete, type Shape, sizeOf } from '../../core/shape.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import { dataFormat, type Field, neededIntegers, type ValuesOf } from './fields.js'
import { Layer } from './layer.js'
import { type KerasShape, layerError, requireRank } from './shapes.js'
import { toChannelsLast } from './windows.js'

/** Elements of one sample, -1 when a size is unknown. */
const sampleSize = (shape: Shape): number => {
  const sample = shape.slice(1)
  return isConcrete(sample) ? sizeOf(sample) : -1
}

const flattenFields = { dataFormat }

/** [batch, …] to [batch, elements], channels last. */
export class Flatten extends Layer<ValuesOf<typeof flattenFields>> {
  static override readonly fields = flattenFields

  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    if (x.shape.length === 1) return emit.reshape(x, [0, 1])
    const last = this.options.dataFormat || x.shape.length < 3
    const ordered = last ? x : emit.transpose(x, toChannelsLast(x.shape.length - 2))
    return emit.reshape(ordered, [0, sampleSize(x.shape)])
  }
}

const reshapeFields = {
  /** Shape of one sample; one size may be -1. */
  targetShape: neededIntegers,
}

export class Reshape extends Layer<ValuesOf<typeof reshapeFields>> {
  static override readonly fields = reshapeFields

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { targetShape } = this.options
    const total = sampleSize(x.shape)
    const known = sizeOf(targetShape.filter((dim) => dim !== -1))
    if (total !== -1 && (targetShape.includes(-1) ? total % known !== 0 : total !== known))
      throw layerError(
        this,
        `${total} elements of a sample do not fit targetShape (${targetShape.join(', ')})`,
        'SHAPE_MISMATCH',
      )
    return emit.reshape(x, [0, ...targetShape.map((dim) => (dim === -1 && total !== -1 ? total / known : dim))])
  }
}

const permuteFields = {
  /** Axis order of a sample, counted from 1. */
  dims: {
    ...neededIntegers,
    read: (given: readonly number[], what: string, rank: number) => {
      const dims = neededIntegers.read(given, what, rank)
      if ([...dims].sort((a, b) => a - b).some((dim, i) => dim !== i + 1))
        throw invalid(`${what} must be an order of 1 … n, got [${dims.join(', ')}]`)
      return dims
    },
  },
}

export class Permute extends Layer<ValuesOf<typeof permuteFields>> {
  static override readonly fields = permuteFields

  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.transpose(x, [0, ...this.options.dims])
  }
}

type Margin = readonly [number, number]
type MarginsLike = number | readonly (number | Margin)[]

/** One number, one for each axis, or (start, end) for each axis; in one dimension also (start, end) alone. */
const margins = (fallback: number): Field<MarginsLike, readonly Margin[]> => ({
  needed: false,
  fallback,
  read(value, what, rank) {
    const pair = rank === 1 && Array.isArray(value) && value.length === 2 && typeof value[0] === 'number'
    const list = typeof value === 'number' ? new Array(rank).fill(value) : pair ? [value] : value
    const result = (Array.isArray(list) ? (list as readonly (number | Margin)[]) : []).map(
      (item): Margin => (typeof item === 'number' ? [item, item] : [item[0], item[1]]),
    )
    if (result.length !== rank || result.flat().some((item) => !Number.isInteger(item) || item < 0))
      throw invalid(`${what} must hold integers of 0 or more for ${rank} axes, got ${JSON.stringify(value)}`)
    return result
  },
  write: (value) => (value.length === 1 ? value[0] : value),
})

/** A layer over [batch, …, channels] with `rank` axes between. */
export abstract class Spatial<Options extends object> extends Layer<Options> {
  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
  }

  /** One-dimensional layers have channels last and do not say so. */
  protected override config() {
    const { data_format, ...config } = super.config()
    return this.rank === 1 ? config : { ...config, data_format }
  }
}

const zeroPaddingFields = { padding: margins(1), dataFormat }

export class ZeroPadding extends Spatial<ValuesOf<typeof zeroPaddingFields>> {
  static override readonly fields = zeroPaddingFields

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { padding, dataFormat } = this.options
    const side = (end: 0 | 1) => {
      const sizes = padding.map((margin) => margin[end])
      return dataFormat ? [0, ...sizes, 0] : [0, 0, ...sizes]
    }
    return emit.op('Pad', [x, emit.ints([...side(0), ...side(1)])], { mode: 'constant' })
  }
}

const croppingFields = { cropping: margins(1), dataFormat }

export class Cropping extends Spatial<ValuesOf<typeof croppingFields>> {
  static override readonly fields = croppingFields

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { cropping, dataFormat } = this.options
    const axes = cropping.map((_, i) => i + (dataFormat ? 1 : 2))
    if (cropping.some(([start, end], i) => Number(x.shape[axes[i]]) <= start + end))
      throw layerError(
        this,
        `would leave nothing of ${formatShape(x.shape)}; give a smaller cropping`,
        'SHAPE_MISMATCH',
      )
    const starts = cropping.map(([start]) => start)
    const ends = cropping.map(([, end]) => (end === 0 ? 2 ** 31 - 1 : -end))
    return emit.op('Slice', [x, emit.ints(starts), emit.ints(ends), emit.ints(axes)])
  }
}

/** Crops nothing unless told to, as Keras's. */
export class Cropping2D extends Cropping {
  static override readonly fields = { ...croppingFields, cropping: margins(0) }
}
