import type { Value } from '../../core/ir.js'
import { type KerasConfig, tuple } from '../config.js'
import type { CallContext } from './context.js'
import { type KerasShape, Layer, type LayerOptions, requireRank } from './layer.js'
import {
  checkPadding,
  type DataFormat,
  dataFormatConfig,
  isChannelsLast,
  type Padding,
  paddingAttributes,
  toChannelsFirst,
  toChannelsLast,
} from './windows.js'

export interface PoolingOptions extends LayerOptions {
  /** 2 along each axis unless given. */
  readonly poolSize?: number | readonly number[]
  /** The pool size unless given. */
  readonly strides?: number | readonly number[] | null
  readonly padding?: Padding
  readonly dataFormat?: DataFormat
}

abstract class Pooling extends Layer {
  readonly poolSize: readonly number[]
  readonly strides: readonly number[]
  readonly padding: Padding
  readonly channelsLast: boolean
  readonly #rank: number
  readonly #op: 'MaxPool' | 'AveragePool'

  constructor(op: 'MaxPool' | 'AveragePool', rank: number, options: PoolingOptions = {}) {
    super(options)
    this.#op = op
    this.#rank = rank
    this.poolSize = tuple(options.poolSize ?? 2, rank, 'poolSize')
    this.strides = tuple(options.strides ?? this.poolSize, rank, 'strides')
    this.padding = checkPadding(options.padding)
    this.channelsLast = isChannelsLast(options.dataFormat)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.#rank + 2)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const first = this.channelsLast ? emit.transpose(x, toChannelsFirst(this.#rank)) : x
    const y = emit.op(this.#op, [first], {
      kernel_shape: this.poolSize,
      strides: this.strides,
      ...paddingAttributes(this.padding, first.shape.slice(2), this.poolSize, this.strides),
    })
    return this.channelsLast ? emit.transpose(y, toChannelsLast(this.#rank)) : y
  }

  protected config(): KerasConfig {
    return {
      pool_size: this.poolSize,
      padding: this.padding,
      strides: this.strides,
      ...dataFormatConfig(this.channelsLast),
    }
  }
}

export class MaxPooling1D extends Pooling {
  readonly className = 'MaxPooling1D'
  constructor(options?: PoolingOptions) {
    super('MaxPool', 1, options)
  }
}

export class MaxPooling2D extends Pooling {
  readonly className = 'MaxPooling2D'
  constructor(options?: PoolingOptions) {
    super('MaxPool', 2, options)
  }
}

/** Padding does not count in the mean. */
export class AveragePooling1D extends Pooling {
  readonly className = 'AveragePooling1D'
  constructor(options?: PoolingOptions) {
    super('AveragePool', 1, options)
  }
}

/** Padding does not count in the mean. */
export class AveragePooling2D extends Pooling {
  readonly className = 'AveragePooling2D'
  constructor(options?: PoolingOptions) {
    super('AveragePool', 2, options)
  }
}

export interface GlobalPoolingOptions extends LayerOptions {
  readonly dataFormat?: DataFormat
  readonly keepdims?: boolean
}

abstract class GlobalPooling extends Layer {
  readonly channelsLast: boolean
  readonly keepdims: boolean
  readonly #op: 'ReduceMean' | 'ReduceMax'
  readonly #rank: number

  constructor(op: 'ReduceMean' | 'ReduceMax', rank: number, options: GlobalPoolingOptions = {}) {
    super(options)
    this.#op = op
    this.#rank = rank
    this.channelsLast = isChannelsLast(options.dataFormat)
    this.keepdims = options.keepdims ?? false
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.#rank + 2)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const start = this.channelsLast ? 1 : 2
    const axes = Array.from({ length: this.#rank }, (_, i) => start + i)
    return emit.reduce(this.#op, x, axes, this.keepdims)
  }

  protected config(): KerasConfig {
    return { ...dataFormatConfig(this.channelsLast), keepdims: this.keepdims }
  }
}

export class GlobalAveragePooling1D extends GlobalPooling {
  readonly className = 'GlobalAveragePooling1D'
  constructor(options?: GlobalPoolingOptions) {
    super('ReduceMean', 1, options)
  }
}

export class GlobalAveragePooling2D extends GlobalPooling {
  readonly className = 'GlobalAveragePooling2D'
  constructor(options?: GlobalPoolingOptions) {
    super('ReduceMean', 2, options)
  }
}

export class GlobalMaxPooling1D extends GlobalPooling {
  readonly className = 'GlobalMaxPooling1D'
  constructor(options?: GlobalPoolingOptions) {
    super('ReduceMax', 1, options)
  }
}

export class GlobalMaxPooling2D extends GlobalPooling {
  readonly className = 'GlobalMaxPooling2D'
  constructor(options?: GlobalPoolingOptions) {
    super('ReduceMax', 2, options)
  }
}
