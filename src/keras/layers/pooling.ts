import type { Value } from '../../core/ir.js'
import { formatShape } from '../../core/shape.js'
import { tuple } from '../config.js'
import type { CallContext } from './context.js'
import { any, choice, dataFormat, flag, sizes, type ValuesOf } from './fields.js'
import { Layer } from './layer.js'
import { type KerasShape, layerError, requireRank } from './shapes.js'
import { paddingAttributes, toChannelsFirst, toChannelsLast } from './windows.js'

const poolingFields = {
  poolSize: sizes(2),
  /** The pool size unless given. */
  strides: any<number | readonly number[] | null>(null),
  padding: choice(['valid', 'same'], 'valid'),
  dataFormat,
}

abstract class Pooling extends Layer<ValuesOf<typeof poolingFields>> {
  static override readonly fields = poolingFields
  protected abstract readonly op: string

  get strides(): readonly number[] {
    return tuple(this.options.strides ?? this.options.poolSize, this.rank, 'strides')
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { poolSize, padding, dataFormat } = this.options
    const first = dataFormat ? emit.transpose(x, toChannelsFirst(this.rank)) : x
    const plane = first.shape.slice(2)
    if (padding === 'valid' && plane.some((size, axis) => Number(size) < poolSize[axis]))
      throw layerError(
        this,
        `poolSize ${formatShape(poolSize)} is more than ${formatShape(plane)}; give less, or padding: 'same'`,
        'SHAPE_MISMATCH',
      )
    const y = emit.op(this.op, [first], {
      kernel_shape: poolSize,
      strides: this.strides,
      ...paddingAttributes(padding, plane, poolSize, this.strides),
    })
    return dataFormat ? emit.transpose(y, toChannelsLast(this.rank)) : y
  }

  protected override config() {
    return { ...super.config(), strides: this.strides }
  }
}

export class MaxPooling extends Pooling {
  protected readonly op = 'MaxPool'
}

/** Padding does not count in the mean. */
export class AveragePooling extends Pooling {
  protected readonly op = 'AveragePool'
}

const globalFields = { dataFormat, keepdims: flag(false) }

abstract class GlobalPooling extends Layer<ValuesOf<typeof globalFields>> {
  static override readonly fields = globalFields
  protected abstract readonly op: string

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
  }

  protected get axes(): number[] {
    const start = this.options.dataFormat ? 1 : 2
    return Array.from({ length: this.rank }, (_, i) => start + i)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.reduce(this.op, x, this.axes, this.options.keepdims)
  }
}

/** The mean over all places; over the steps that a mask keeps, in one dimension. */
export class GlobalAveragePooling extends GlobalPooling {
  protected readonly op = 'ReduceMean'

  override get signature(): readonly string[] {
    return this.rank === 1 ? ['inputs', 'mask'] : ['inputs']
  }

  override call(inputs: readonly Value[], context: CallContext, args: { mask?: Value } = {}): Value {
    const { emit } = context
    const mask = this.rank === 1 ? (args.mask ?? context.maskOf(inputs[0])) : undefined
    if (!mask) return super.call(inputs, context)
    const [axis] = this.axes
    const weights = emit.op('Unsqueeze', [emit.cast(mask, 'float32'), emit.ints([axis === 1 ? 2 : 1])])
    const { keepdims } = this.options
    const sum = (x: Value) => emit.sum(x, [axis], keepdims)
    return emit.div(sum(emit.mul(inputs[0], weights)), sum(weights))
  }
}

export class GlobalMaxPooling extends GlobalPooling {
  protected readonly op = 'ReduceMax'
}
