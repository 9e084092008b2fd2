import type { Value } from '../../core/ir.js'
import { invalid } from '../config.js'
import type { CallContext } from './context.js'
import { absent, dataFormat, type Field, seed } from './fields.js'
import { ImageLayer } from './image-layer.js'
import { uniform } from './regularization.js'

export type FactorLike = number | readonly number[]

/** From where to where a random number goes, and how the option was given. */
export interface Range {
  readonly low: number
  readonly high: number
  readonly given: FactorLike
}

interface FactorRules {
  readonly least: number
  readonly most: number
  /** What a single number stands for. */
  readonly single: (factor: number) => readonly [number, number]
  /** Whether Keras's config keeps the number as it was given. */
  readonly kept?: boolean
}

/** A number, or [lower, upper]. */
export const factor = ({ least, most, single, kept }: FactorRules): Field<FactorLike, Range, true> => ({
  needed: true,
  read(value, what) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    const fits = typeof value === 'number' || list.length === 2
    if (!fits || list.some((item) => typeof item !== 'number' || !(item >= least && item <= most)))
      throw invalid(
        `${what} must be a number or [lower, upper] within [${least}, ${most}], got ${JSON.stringify(value)}`,
      )
    const [a, b] = typeof value === 'number' ? single(value) : (list as [number, number])
    return { low: Math.min(a, b), high: Math.max(a, b), given: value }
  },
  write: ({ low, high, given }) => (kept ? given : [low, high]),
})

export const bothWays = (value: number) => [-Math.abs(value), Math.abs(value)] as const
export const randomFields = { seed, dataFormat, boundingBoxFormat: absent }

export interface RandomOptions {
  readonly seed: number | null
  readonly dataFormat: boolean
}

/** Changes images at random while training, each image in its own way; else they pass. */
export abstract class RandomImages<Options extends RandomOptions> extends ImageLayer<Options> {
  /** Whether images change outside of training, too. */
  protected readonly always: boolean = false

  /** x in float32, channels last. */
  abstract change(x: Value, context: CallContext): Value

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const images = emit.cast(x, 'float32')
    if (!context.training && !this.always) return images
    if (this.options.dataFormat) return this.change(images, context)
    return emit.transpose(this.change(emit.transpose(images, [0, 2, 3, 1]), context), [0, 3, 1, 2])
  }

  /** A number for each image, [batch, 1, …] of the rank `rank`. */
  drawFor(context: CallContext, x: Value, { low, high }: Range, rank: number): Value {
    const shape = Array.from({ length: rank }, (_, axis) => (axis === 0 ? Number(x.shape[0]) : 1))
    const { emit } = context
    return emit.add(emit.mul(uniform(context, shape, this.options.seed), high - low), low)
  }
}

export const valueRange: Field<readonly number[], readonly number[]> = {
  needed: false,
  fallback: [0, 255],
  read(value, what) {
    if (!Array.isArray(value) || value.length !== 2 || !(value[0] < value[1]))
      throw invalid(`${what} must be [lowest, highest], got ${JSON.stringify(value)}`)
    return value
  },
  write: (value) => value,
}
