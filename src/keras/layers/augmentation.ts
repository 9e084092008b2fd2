import type { Value } from '../../core/ir.js'
import { positions } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { type AffineMap, fillModes, samplings, transformImages } from './affine.js'
import type { CallContext } from './context.js'
import { absent, choice, dataFormat, type Field, neededCount, number, seed, type ValuesOf } from './fields.js'
import { ImageLayer } from './images.js'
import { uniform } from './regularization.js'
import { resizeTo } from './resizing.js'

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
const share = factor({ least: -1, most: 1, single: bothWays })
const move = factor({ least: -1, most: 1, single: bothWays, kept: true })

const randomFields = { seed, dataFormat, boundingBoxFormat: absent }

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

const flipModes = ['horizontal_and_vertical', 'horizontal', 'vertical'] as const
const flipFields = { mode: choice(flipModes, 'horizontal_and_vertical'), ...randomFields }

/** Every second image upside down, mirrored, or both. */
export class RandomFlip extends RandomImages<ValuesOf<typeof flipFields>> {
  static override readonly fields = flipFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { mode } = this.options
    const turned = [...(mode !== 'vertical' ? [2] : []), ...(mode !== 'horizontal' ? [1] : [])].reduce(
      (y, axis) => backwards(emit, y, axis),
      x,
    )
    const flips = emit.lessOrEqual(this.drawFor(context, x, { low: 0, high: 1, given: 1 }, 4), 0.5)
    return emit.where(flips, turned, x)
  }
}

/** x backwards along an axis. */
function backwards(emit: Emitter, x: Value, axis: number): Value {
  const size = Number(x.shape[axis])
  const order = emit.sub(emit.reshape(positions(emit, size, 0, 1, 'int32'), [size]), size - 1)
  return emit.gather(x, emit.neg(order), axis)
}

export const affineFields = {
  fillMode: choice(fillModes, 'reflect'),
  interpolation: choice(samplings, 'bilinear'),
  fillValue: number(0),
  ...randomFields,
}
type AffineOptions = ValuesOf<typeof affineFields>

/** Images through maps of the plane, one each. */
export abstract class RandomMap<Options extends AffineOptions> extends RandomImages<Options> {
  protected abstract map(x: Value, size: readonly [height: number, width: number], context: CallContext): AffineMap

  change(x: Value, context: CallContext): Value {
    const [, height, width] = x.shape as readonly number[]
    return transformImages(context.emit, x, this.map(x, [height, width], context), this.options)
  }
}

const rotationFields = { factor: share, ...affineFields }

/** Turned about the middle by a part of a full turn; positive parts turn counter-clockwise. */
export class RandomRotation extends RandomMap<ValuesOf<typeof rotationFields>> {
  static override readonly fields = rotationFields

  protected map(x: Value, [height, width]: readonly [number, number], context: CallContext): AffineMap {
    const { emit } = context
    const angle = emit.mul(this.drawFor(context, x, this.options.factor, 3), 2 * Math.PI)
    const [cos, sin] = [emit.op('Cos', [angle]), emit.op('Sin', [angle])]
    const [cx, cy] = [(width - 1) / 2, (height - 1) / 2]
    return {
      a: [cos, emit.neg(sin), emit.sub(cx, emit.sub(emit.mul(cos, cx), emit.mul(sin, cy)))],
      b: [sin, cos, emit.sub(cy, emit.add(emit.mul(sin, cx), emit.mul(cos, cy)))],
    }
  }
}

const zoomFields = {
  heightFactor: move,
  /** As much as the height, unless given. */
  widthFactor: {
    needed: false as const,
    fallback: null,
    read: (value: FactorLike | null, what: string, rank: number) =>
      value === null ? null : move.read(value, what, rank),
    write: (range: Range | null) => range?.given ?? null,
  },
  ...affineFields,
}

/** Zoomed about the middle: by 0.2, an image shows 1.2 times as much of the plane; by -0.2, 0.8 times. */
export class RandomZoom extends RandomMap<ValuesOf<typeof zoomFields>> {
  static override readonly fields = zoomFields

  protected map(x: Value, [height, width]: readonly [number, number], context: CallContext): AffineMap {
    const { emit } = context
    const { heightFactor, widthFactor } = this.options
    const vertical = emit.add(this.drawFor(context, x, heightFactor, 3), 1)
    const horizontal = widthFactor ? emit.add(this.drawFor(context, x, widthFactor, 3), 1) : vertical
    const about = (zoom: Value, size: number) => emit.mul(emit.sub(1, zoom), (size - 1) / 2)
    return { a: [horizontal, 0, about(horizontal, width)], b: [0, vertical, about(vertical, height)] }
  }
}

const translationFields = { heightFactor: move, widthFactor: move, ...affineFields }

/** Moved down and to the right by parts of height and width. */
export class RandomTranslation extends RandomMap<ValuesOf<typeof translationFields>> {
  static override readonly fields = translationFields

  protected map(x: Value, [height, width]: readonly [number, number], context: CallContext): AffineMap {
    const { emit } = context
    const by = (range: Range, size: number) => emit.mul(this.drawFor(context, x, range, 3), -size)
    const down = by(this.options.heightFactor, height)
    return { a: [1, 0, by(this.options.widthFactor, width)], b: [0, 1, down] }
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

const cropFields = { height: neededCount, width: neededCount, ...randomFields }

/** A window at random, the same for a batch; outside of training, and of smaller images, the middle, resized. */
export class RandomCrop extends ImageLayer<ValuesOf<typeof cropFields>> {
  static override readonly fields = cropFields

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const { height, width, seed, dataFormat } = this.options
    const images = emit.cast(x, 'float32')
    const [h, w] = this.planeOf(x)
    if (!context.training || h <= height || w <= width)
      return resizeTo(emit, this.middle(emit, images, [height, width]), [height, width], dataFormat, 'bilinear')
    const cut = (y: Value, axis: number, from: number, to: number) => {
      const start = emit.op('Floor', [emit.mul(uniform(context, [1], seed), from - to + 1)])
      const places = emit.add(emit.cast(start, 'int32'), positions(emit, to, 0, 1, 'int32'))
      return emit.gather(y, places, axis)
    }
    const [vertical, horizontal] = this.planeAxes
    return cut(cut(images, vertical, h, height), horizontal, w, width)
  }
}
