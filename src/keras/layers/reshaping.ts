import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { isConcrete, type Shape, sizeOf } from '../../core/shape.js'
import { invalid, type KerasConfig } from '../config.js'
import type { CallContext } from './context.js'
import { type KerasShape, Layer, type LayerOptions, requireRank } from './layer.js'
import { type DataFormat, dataFormatConfig, isChannelsLast, toChannelsLast } from './windows.js'

/** Elements of one sample, -1 when a size is unknown. */
const sampleSize = (shape: Shape): number => {
  const sample = shape.slice(1)
  return isConcrete(sample) ? sizeOf(sample) : -1
}

export interface FlattenOptions extends LayerOptions {
  readonly dataFormat?: DataFormat
}

/** [batch, …] to [batch, elements], channels last. */
export class Flatten extends Layer {
  readonly className = 'Flatten'
  readonly channelsLast: boolean

  constructor(options: FlattenOptions = {}) {
    super(options)
    this.channelsLast = isChannelsLast(options.dataFormat)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    if (x.shape.length === 1) return emit.reshape(x, [0, 1])
    const ordered = this.channelsLast || x.shape.length < 3 ? x : emit.transpose(x, toChannelsLast(x.shape.length - 2))
    return emit.reshape(ordered, [0, sampleSize(x.shape)])
  }

  protected config(): KerasConfig {
    return dataFormatConfig(this.channelsLast)
  }
}

export interface ReshapeOptions extends LayerOptions {
  /** Shape of one sample; one size may be -1. */
  readonly targetShape: readonly number[]
}

export class Reshape extends Layer {
  readonly className = 'Reshape'
  readonly targetShape: readonly number[]

  constructor(options: ReshapeOptions) {
    super(options)
    this.targetShape = options.targetShape
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const total = sampleSize(x.shape)
    const known = sizeOf(this.targetShape.filter((dim) => dim !== -1))
    if (total !== -1 && (this.targetShape.includes(-1) ? total % known !== 0 : total !== known))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `layer '${this.name}': ${total} elements of a sample do not fit targetShape (${this.targetShape.join(', ')})`,
      )
    return emit.reshape(x, [0, ...this.targetShape.map((dim) => (dim === -1 && total !== -1 ? total / known : dim))])
  }

  protected config(): KerasConfig {
    return { target_shape: this.targetShape }
  }
}

export interface PermuteOptions extends LayerOptions {
  /** Axis order of a sample, counted from 1. */
  readonly dims: readonly number[]
}

export class Permute extends Layer {
  readonly className = 'Permute'
  readonly dims: readonly number[]

  constructor(options: PermuteOptions) {
    super(options)
    this.dims = options.dims
    if ([...this.dims].sort((a, b) => a - b).some((dim, i) => dim !== i + 1))
      throw invalid(`Permute dims must be an order of 1 … n, got [${this.dims.join(', ')}]`)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.transpose(x, [0, ...this.dims])
  }

  protected config(): KerasConfig {
    return { dims: this.dims }
  }
}

type Margins = readonly [readonly [number, number], readonly [number, number]]

const margins = (value: number | readonly [number, number] | Margins, what: string): Margins => {
  const side = (item: number | readonly [number, number]): readonly [number, number] =>
    typeof item === 'number' ? [item, item] : [item[0], item[1]]
  const result: Margins = typeof value === 'number' ? [side(value), side(value)] : [side(value[0]), side(value[1])]
  if (result.flat().some((item) => !Number.isInteger(item) || item < 0))
    throw invalid(`${what} must hold integers of 0 or more, got ${JSON.stringify(value)}`)
  return result
}

export interface ZeroPadding2DOptions extends LayerOptions {
  /** One number, (rows, columns), or ((top, bottom), (left, right)). */
  readonly padding?: number | readonly [number, number] | Margins
  readonly dataFormat?: DataFormat
}

export class ZeroPadding2D extends Layer {
  readonly className = 'ZeroPadding2D'
  readonly padding: Margins
  readonly channelsLast: boolean

  constructor(options: ZeroPadding2DOptions = {}) {
    super(options)
    this.padding = margins(options.padding ?? 1, 'padding')
    this.channelsLast = isChannelsLast(options.dataFormat)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 4)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [rows, columns] = this.padding
    const side = (end: 0 | 1) => (this.channelsLast ? [0, rows[end], columns[end], 0] : [0, 0, rows[end], columns[end]])
    return emit.op('Pad', [x, emit.ints([...side(0), ...side(1)])], { mode: 'constant' })
  }

  protected config(): KerasConfig {
    return { padding: this.padding, ...dataFormatConfig(this.channelsLast) }
  }
}

export interface Cropping2DOptions extends LayerOptions {
  /** One number, (rows, columns), or ((top, bottom), (left, right)). */
  readonly cropping?: number | readonly [number, number] | Margins
  readonly dataFormat?: DataFormat
}

export class Cropping2D extends Layer {
  readonly className = 'Cropping2D'
  readonly cropping: Margins
  readonly channelsLast: boolean

  constructor(options: Cropping2DOptions = {}) {
    super(options)
    this.cropping = margins(options.cropping ?? 0, 'cropping')
    this.channelsLast = isChannelsLast(options.dataFormat)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, 4)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const axes = this.channelsLast ? [1, 2] : [2, 3]
    const starts = this.cropping.map(([start]) => start)
    const ends = this.cropping.map(([, end]) => (end === 0 ? 2 ** 31 - 1 : -end))
    return emit.op('Slice', [x, emit.ints(starts), emit.ints(ends), emit.ints(axes)])
  }

  protected config(): KerasConfig {
    return { cropping: this.cropping, ...dataFormatConfig(this.channelsLast) }
  }
}
