import type { Value } from '../../core/ir.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import {
  bothWays,
  type FactorLike,
  factor,
  RandomImages,
  type Range,
  randomFields,
  valueRange,
} from './random-images.js'

const share = factor({ least: -1, most: 1, single: bothWays })

const contrastField = factor({ least: 0, most: 1, single: (value) => [value, value] })

const contrastFields = {
  /** How much less and more than 1: [lower, upper], or one number for both. */
  factor: {
    ...contrastField,
    read(value: FactorLike, what: string, rank: number): Range {
      contrastField.read(value, what, rank)
      const [less, more] = typeof value === 'number' ? [value, value] : value
      return { low: 1 - less, high: 1 + more, given: [less, more] }
    },
    write: ({ given }: Range) => given,
  },
  valueRange,
  ...randomFields,
}

/** The distance of each pixel from its channel's mean times a factor. */
export class RandomContrast extends RandomImages<ValuesOf<typeof contrastFields>> {
  static override readonly fields = contrastFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const mean = emit.mean(x, [1, 2], true)
    const by = this.drawFor(context, x, this.options.factor, 4)
    const [low, high] = this.options.valueRange
    return emit.clip(emit.add(emit.mul(emit.sub(x, mean), by), mean), low, high)
  }
}

const brightnessFields = { factor: share, valueRange, ...randomFields }

/** Brighter or darker by a part of the range of values. */
export class RandomBrightness extends RandomImages<ValuesOf<typeof brightnessFields>> {
  static override readonly fields = brightnessFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const [low, high] = this.options.valueRange
    const by = emit.mul(this.drawFor(context, x, this.options.factor, 4), high - low)
    return emit.clip(emit.add(x, by), low, high)
  }
}
