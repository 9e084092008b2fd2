import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { RandomBrightness, RandomContrast } from './brightness.js'
import { fromHsv, grey, toHsv } from './colors.js'
import type { CallContext } from './context.js'
import { dataFormat, type Field, number, type OptionsOf, seed, type ValuesOf } from './fields.js'
import { type FactorLike, factor, type Range, valueRange } from './image-fields.js'
import type { LayerOptions } from './layer.js'
import { RandomImages, type RandomOptions } from './random-images.js'

/** From 0 to the number, or [lower, upper]. */
export const upTo = (least: number, most: number) =>
  factor({ least, most, single: (value) => [Math.max(-Math.abs(value), least), Math.abs(value)] })
export const share = upTo(0, 1)
/** `field` with a default. */
export const optional = (field: typeof share, fallback: FactorLike): Field<FactorLike, Range> => ({
  ...field,
  needed: false,
  fallback,
})
export const common = { seed, dataFormat }

/** x from one range of values to another. */
export const scaleTo = (
  emit: Emitter,
  x: Value,
  [low, high]: readonly number[],
  [least, most]: readonly number[],
): Value => {
  if (low === least && high === most) return x
  return emit.add(emit.mul(emit.sub(x, low), (most - least) / (high - low)), least)
}
export const bytes = [0, 255]
export const unit: Range = { low: 0, high: 1, given: 1 }

/** Whether something happens to an image, each with a probability drawn from `range`. */
export const happens = (layer: RandomImages<RandomOptions>, context: CallContext, x: Value, range: Range): Value =>
  context.emit.less(layer.drawFor(context, x, unit, 4), layer.drawFor(context, x, range, 4))

function probability(value: number, what: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw invalid(`${what} must be a number from 0 to 1, got ${JSON.stringify(value)}`)
  return value
}

/** A number from 0 to 1. */
export const proportion = (fallback: number): Field<number, number> => ({ ...number(fallback), read: probability })

/** A number above 0. */
export const positive = (fallback: number): Field<number, number> => ({
  ...number(fallback),
  read(value, what) {
    if (typeof value !== 'number' || !(value > 0 && value < Number.POSITIVE_INFINITY))
      throw invalid(`${what} must be a positive number, got ${JSON.stringify(value)}`)
    return value
  },
})

const grayscaleFields = { factor: proportion(0.5), ...common }

/** Some images without their colours: by the probability `factor`. */
export class RandomGrayscale extends RandomImages<ValuesOf<typeof grayscaleFields>> {
  static override readonly fields = grayscaleFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    return emit.where(emit.less(this.drawFor(context, x, unit, 4), this.options.factor), grey(emit, x), x)
  }
}

const invertFields = { factor: optional(share, 1), valueRange, ...common }

/** The largest value less the image, by a probability drawn from `factor`. */
export class RandomInvert extends RandomImages<ValuesOf<typeof invertFields>> {
  static override readonly fields = invertFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    return emit.where(happens(this, context, x, this.options.factor), emit.sub(this.options.valueRange[1], x), x)
  }
}

const solarizationFields = {
  additionFactor: optional(share, 0),
  thresholdFactor: optional(share, 0),
  valueRange,
  ...common,
}

/** Adds to all values; those from a threshold on are inverted. Both are shares of the range. */
export class Solarization extends RandomImages<ValuesOf<typeof solarizationFields>> {
  static override readonly fields = solarizationFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { additionFactor, thresholdFactor, valueRange } = this.options
    // As Keras has it: the lower end counts in bytes, the upper one in shares.
    const drawn = ({ low, high, given }: Range) => this.drawFor(context, x, { low, high: 255 * high, given }, 4)
    const raised = emit.clip(emit.add(scaleTo(emit, x, valueRange, bytes), drawn(additionFactor)), 0, 255)
    const turned = emit.where(emit.less(raised, drawn(thresholdFactor)), raised, emit.sub(255, raised))
    return scaleTo(emit, turned, bytes, valueRange)
  }
}

const factorFields = { factor: share, valueRange, ...common }

/** Hues turned by up to half of `factor`, either way. */
export class RandomHue extends RandomImages<ValuesOf<typeof factorFields>> {
  static override readonly fields = factorFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, valueRange } = this.options
    const [hue, saturation, value] = toHsv(emit, scaleTo(emit, x, valueRange, [0, 1]))
    const sign = emit.where(emit.greater(this.drawFor(context, x, unit, 4), 0.5), -1, emit.scalar(1))
    const by = emit.mul(emit.mul(sign, this.drawFor(context, x, factor, 4)), 0.5)
    const turned = emit.clip(fromHsv(emit, emit.add(hue, by), saturation, value), 0, 1)
    return scaleTo(emit, turned, [0, 1], valueRange)
  }
}

/** Saturation times f / (1 - f): 0.5 leaves it, 0 makes images grey. */
export class RandomSaturation extends RandomImages<ValuesOf<typeof factorFields>> {
  static override readonly fields = factorFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const [low, high] = this.options.valueRange
    const drawn = this.drawFor(context, x, this.options.factor, 4)
    const by = emit.div(drawn, emit.sub(1 + 1e-7, drawn))
    const [hue, saturation, value] = toHsv(emit, x)
    return fromHsv(emit, hue, emit.clip(emit.mul(saturation, by), low, high), value)
  }
}

const posterizationFields = { ...factorFields, factor: upTo(1, 8) }

/** Values of fewer bits: as many as `factor` says, drawn from the lower end to below the upper one. */
export class RandomPosterization extends RandomImages<ValuesOf<typeof posterizationFields>> {
  static override readonly fields = posterizationFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, valueRange } = this.options
    const { low, high } = factor
    const bits = low === high ? emit.scalar(low) : emit.op('Floor', [this.drawFor(context, x, factor, 4)])
    const steps = emit.constant(new Tensor('float32', [256, 128, 64, 32, 16, 8, 4, 2, 1], [9]))
    const step = emit.gather(steps, emit.cast(bits, 'int32'))
    const whole = emit.op('Floor', [scaleTo(emit, x, valueRange, bytes)])
    return scaleTo(emit, emit.mul(emit.op('Floor', [emit.div(whole, step)]), step), bytes, valueRange)
  }
}

/** Images part of the way to grey. */
export class RandomColorDegeneration extends RandomImages<ValuesOf<typeof factorFields>> {
  static override readonly fields = factorFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const [low, high] = this.options.valueRange
    const by = this.drawFor(context, x, this.options.factor, 4)
    return emit.clip(emit.add(x, emit.mul(by, emit.sub(grey(emit, x), x))), low, high)
  }
}

const jitterPart: Field<FactorLike | null, FactorLike | null> = {
  needed: false,
  fallback: null,
  read: (value) => value,
  write: (value) => value,
}
const jitterFields = {
  valueRange,
  brightnessFactor: jitterPart,
  contrastFactor: jitterPart,
  saturationFactor: jitterPart,
  hueFactor: jitterPart,
  ...common,
}

/** Brightness, contrast, saturation and hue at random, one after the other; those without a factor stay. */
export class RandomColorJitter extends RandomImages<ValuesOf<typeof jitterFields>> {
  static override readonly fields = jitterFields
  readonly #parts: RandomImages<RandomOptions>[]

  constructor(options: LayerOptions & OptionsOf<typeof jitterFields>, className?: string) {
    super(options, className)
    const { valueRange, seed, brightnessFactor, contrastFactor, saturationFactor, hueFactor } = this.options
    const parts = [
      [RandomBrightness, brightnessFactor],
      [RandomContrast, contrastFactor],
      [RandomSaturation, saturationFactor],
      [RandomHue, hueFactor],
    ] as const
    this.#parts = parts.flatMap(([Part, factor]) =>
      factor === null ? [] : [new Part({ factor, valueRange, seed } as object) as RandomImages<RandomOptions>],
    )
  }

  change(x: Value, context: CallContext): Value {
    return this.#parts.reduce((y, part) => part.change(y, context), x)
  }
}

const contrastFields = { valueRange, dataFormat }

/** Each channel of each image stretched over the whole range, also outside of training. */
export class AutoContrast extends RandomImages<ValuesOf<typeof contrastFields>> {
  static override readonly fields = contrastFields
  protected override readonly always = true

  change(x: Value, { emit }: CallContext): Value {
    const [low, high] = this.options.valueRange
    const least = emit.min(x, [1, 2], true)
    const range = emit.sub(emit.max(x, [1, 2], true), least)
    const varies = emit.greater(range, 0)
    const stretched = emit.div(emit.mul(emit.sub(x, least), high - low), emit.where(varies, range, 1))
    return emit.where(varies, emit.clip(emit.add(stretched, low), low, high), x)
  }
}
