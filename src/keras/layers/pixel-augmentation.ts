import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { positions } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import type { AffineMap } from './affine.js'
import { common, happens, optional, share, unit } from './color-augmentation.js'
import type { CallContext } from './context.js'
import type { Field, ValuesOf } from './fields.js'
import { affineFields, bothWays, type FactorLike, factor, type Range, valueRange } from './image-fields.js'
import { RandomImages } from './random-images.js'
import { RandomMap } from './random-map.js'
import { normal, uniform } from './regularization.js'

const fillValue: Field<number | readonly number[] | null, number | readonly number[] | null> = {
  needed: false,
  fallback: null,
  read(value, what) {
    const list = Array.isArray(value) ? value : [value]
    if (value !== null && list.some((item) => typeof item !== 'number'))
      throw invalid(`${what} must be a number, one for each channel, or null for noise, got ${JSON.stringify(value)}`)
    return value
  },
  write: (value) => value,
}

const erasingFields = {
  factor: optional(share, 1),
  /** Shares of an image's sides, squared. */
  scale: optional(share, [0.02, 0.33]),
  fillValue,
  valueRange,
  ...common,
}

/** Which places along `axis`, of `size`, lie in a stretch of `length`, `share` of the way from the first such to the last. */
export function stretch(emit: Emitter, [size, axis]: readonly [number, number], length: Value, share: Value): Value {
  const start = emit.mul(share, emit.sub(size, length))
  const places = positions(emit, size, axis, 4, 'float32')
  return emit.and(emit.greaterOrEqual(places, start), emit.less(places, emit.add(start, length)))
}

/** A rectangle of an image is lost, by a probability drawn from `factor` (Zhong et al., 2020). */
export class RandomErasing extends RandomImages<ValuesOf<typeof erasingFields>> {
  static override readonly fields = erasingFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, scale, fillValue, valueRange, seed } = this.options
    const [low, high] = valueRange
    const [, height, width] = x.shape as readonly number[]
    const within = ([size, axis]: readonly [number, number]): Value => {
      const length = emit.mul(emit.sqrt(this.drawFor(context, x, scale, 4)), size)
      return stretch(emit, [size, axis], length, this.drawFor(context, x, unit, 4))
    }
    const inside = emit.and(within([width, 2]), within([height, 1]))
    const erased = emit.and(inside, happens(this, context, x, factor))
    const fill =
      fillValue === null
        ? emit.clip(emit.mul(normal(context, x.shape as readonly number[], seed), high), low, high)
        : emit.constant(
            new Tensor(
              'float32',
              [fillValue].flat().map((value) => Math.min(high, Math.max(low, value))),
              [[fillValue].flat().length],
            ),
          )
    return emit.where(erased, fill, x)
  }
}

/** Every channel of x through a kernel [height, width], the margin being zeros. */
export function filtered(emit: Emitter, x: Value, kernel: Value): Value {
  const channels = Number(x.shape[3])
  const [height, width] = kernel.shape.map(Number)
  const first = emit.transpose(x, [0, 3, 1, 2])
  const y = emit.op(
    'Conv',
    [first, emit.expand(emit.reshape(kernel, [1, 1, height, width]), [channels, 1, height, width])],
    {
      group: channels,
      kernel_shape: [height, width],
      pads: [height >> 1, width >> 1, height >> 1, width >> 1],
    },
  )
  return emit.transpose(y, [0, 2, 3, 1])
}

const sharpnessFields = { factor: share, valueRange, ...common }

/** Between a smoothed image (0) and one sharpened as much (1); 0.5 leaves it. */
export class RandomSharpness extends RandomImages<ValuesOf<typeof sharpnessFields>> {
  static override readonly fields = sharpnessFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const [low, high] = this.options.valueRange
    const weights = [1, 1, 1, 1, 5, 1, 1, 1, 1].map((weight) => weight / 13)
    const smooth = filtered(emit, x, emit.constant(new Tensor('float32', weights, [3, 3])))
    const by = emit.sub(1, emit.mul(this.drawFor(context, x, this.options.factor, 4), 2))
    return emit.clip(emit.add(x, emit.mul(by, emit.sub(smooth, x))), low, high)
  }
}

/** A normal distribution's heights at `size` whole places about its middle, of sum 1. */
export function bell(emit: Emitter, size: number, sigma: Value, reach?: Value): Value {
  const places = Array.from({ length: size }, (_, i) => i - (size - 1) / 2)
  const distance = emit.constant(new Tensor('float32', places, [size]))
  const all = emit.exp(emit.mul(emit.square(emit.div(distance, sigma)), -0.5))
  const heights = reach ? emit.where(emit.lessOrEqual(emit.abs(distance), reach), all, 0) : all
  return emit.div(heights, emit.sum(heights, [0], true))
}

/** Every channel of x through two kernels, [columns] along its rows and [rows] along its columns. */
export function blurred(emit: Emitter, x: Value, columns: Value, rows: Value): Value {
  const [[wide], [tall]] = [columns.shape, rows.shape] as (readonly number[])[]
  return filtered(emit, filtered(emit, x, emit.reshape(columns, [1, wide])), emit.reshape(rows, [tall, 1]))
}

const kernelSize: Field<number | readonly number[], readonly number[]> = {
  needed: false,
  fallback: 3,
  read(value, what) {
    const list = typeof value === 'number' ? [value, value] : value
    if (
      !Array.isArray(list) ||
      list.length !== 2 ||
      list.some((size) => !Number.isInteger(size) || size < 1 || size % 2 === 0)
    )
      throw invalid(`${what} must be an odd number or two of them, got ${JSON.stringify(value)}`)
    return list
  },
  write: (value) => value,
}

const blurFields = { factor: optional(share, 1), kernelSize, sigma: optional(share, 1), valueRange, ...common }

/** Blurred by a normal distribution, by a probability drawn from `factor`; `sigma` (pixels) is drawn for a batch. */
export class RandomGaussianBlur extends RandomImages<ValuesOf<typeof blurFields>> {
  static override readonly fields = blurFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, kernelSize, sigma, valueRange, seed } = this.options
    const happening = happens(this, context, x, factor)
    const along = (size: number) => {
      const drawn = emit.add(emit.mul(uniform(context, [1], seed), sigma.high - sigma.low), sigma.low + 1e-6)
      return bell(emit, size, drawn)
    }
    const [wide, tall] = kernelSize
    const smooth = blurred(emit, x, along(wide), along(tall))
    return emit.clip(emit.where(happening, smooth, x), valueRange[0], valueRange[1])
  }
}

const shearFactor: Field<FactorLike, Range> = {
  ...factor({ least: -1, most: 1, single: bothWays, kept: true }),
  needed: false,
  fallback: 0,
}
const shearFields = { xFactor: shearFactor, yFactor: shearFactor, ...affineFields }

/** Rows moved by `xFactor` of their height, columns by `yFactor` of their place, from the corner on; either way. */
export class RandomShear extends RandomMap<ValuesOf<typeof shearFields>> {
  static override readonly fields = shearFields

  protected map(x: Value, _size: readonly [number, number], context: CallContext): AffineMap {
    const { emit } = context
    const { xFactor, yFactor } = this.options
    const drawn = this.drawFor(context, x, unit, 3)
    const sign = emit.where(emit.greater(drawn, 0.5), -1, emit.scalar(1))
    const down = emit.mul(this.drawFor(context, x, yFactor, 3), sign)
    return { a: [1, emit.mul(this.drawFor(context, x, xFactor, 3), sign), 0], b: [down, 1, 0] }
  }
}
