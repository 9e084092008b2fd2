import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import { type Points, pixelsOf, sampleImages } from './affine.js'
import { common, happens, optional, proportion, share } from './color-augmentation.js'
import type { CallContext } from './context.js'
import { choice, number, type ValuesOf } from './fields.js'
import { fillModes, samplings, valueRange } from './image-fields.js'
import { bell, blurred } from './pixel-augmentation.js'
import { RandomImages } from './random-images.js'
import { normal, uniform } from './regularization.js'

/** How far corners are from the top left one, in shares of how far they were; each a number, or [batch, 1, 1]. */
export interface Corners {
  readonly topRight: Value
  readonly bottomLeft: Value
  readonly bottomRight: readonly [x: Value, y: Value]
}

/** Where pixels come from when the corners of images move: the projective map by four points, the first of them fixed. */
export function perspective(emit: Emitter, images: Value, { topRight, bottomLeft, bottomRight }: Corners): Points {
  const [, height, width] = images.shape as readonly number[]
  const { x, y } = pixelsOf(emit, images)
  const [right, down] = bottomRight
  const byX = emit.div(emit.sub(emit.div(down, bottomLeft), 1), right)
  const byY = emit.div(emit.sub(emit.div(right, topRight), 1), down)
  const along = (axis: Value, size: number, by: Value) => emit.mul(emit.div(axis, Math.max(1, size - 1)), by)
  const depth = emit.add(emit.add(along(x, width, byX), along(y, height, byY)), 1)
  const vanishes = emit.equal(depth, 0)
  const divisor = emit.where(vanishes, 1, depth)
  const from = (axis: Value, size: number, by: Value, corner: Value) =>
    emit.where(vanishes, -size, emit.div(emit.mul(axis, emit.add(by, emit.div(1, corner))), divisor))
  return { x: from(x, width, byX, topRight), y: from(y, height, byY, bottomLeft) }
}

const interpolation = choice(samplings, 'bilinear')
const perspectiveFields = {
  factor: optional(share, 1),
  /** How far corners move: up to half as many widths and heights. */
  scale: proportion(1),
  interpolation,
  fillValue: number(0),
  ...common,
}

/** Seen from another point: all corners but the top left one move, by a probability drawn from `factor`. */
export class RandomPerspective extends RandomImages<ValuesOf<typeof perspectiveFields>> {
  static override readonly fields = perspectiveFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, scale, ...sampling } = this.options
    const happening = happens(this, context, x, factor)
    const moved = () => this.drawFor(context, x, { low: 1 - scale / 2, high: 1 + scale / 2, given: scale }, 3)
    const points = perspective(emit, x, {
      topRight: moved(),
      bottomLeft: moved(),
      bottomRight: [moved(), moved()],
    })
    return emit.where(happening, sampleImages(emit, x, points, { ...sampling, fillMode: 'constant' }), x)
  }
}

const elasticFields = {
  factor: optional(share, 1),
  scale: optional(share, 1),
  interpolation,
  fillMode: choice(fillModes, 'reflect'),
  fillValue: number(0),
  valueRange,
  ...common,
}

/**
 * Pixels moved by smooth noise (Simard et al., 2003), by a probability drawn from `factor`. How smooth and how far is drawn
 * from `scale` for a batch: by 1, a normal distribution of a twentieth of the shorter side, and a tenth of the longer one.
 */
export class RandomElasticTransform extends RandomImages<ValuesOf<typeof elasticFields>> {
  static override readonly fields = elasticFields

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { factor, scale, seed, valueRange, ...sampling } = this.options
    if (scale.high === 0 || factor.high === 0) return x
    const [batch, height, width] = x.shape as readonly number[]
    const happening = happens(this, context, x, factor)
    const drawn = emit.add(emit.mul(uniform(context, [1], seed), scale.high - scale.low), scale.low)
    const [smooth, far] = [0.05 * Math.min(height, width), 0.1 * Math.max(height, width)]
    const sigma = emit.mul(drawn, smooth)
    const reach = emit.mul(emit.op('Floor', [sigma]), 3)
    const kernel = bell(emit, 6 * Math.floor(smooth * scale.high) + 1, emit.maximum(sigma, 1e-6), reach)
    const field = () => {
      const noise = emit.mul(normal(context, [batch, height, width, 1], seed), sigma)
      return emit.mul(emit.reshape(blurred(emit, noise, kernel, kernel), [batch, height, width]), emit.mul(drawn, far))
    }
    const pixels = pixelsOf(emit, x)
    const points = { x: emit.add(pixels.x, field()), y: emit.add(pixels.y, field()) }
    const warped = sampleImages(emit, x, points, sampling)
    return emit.clip(emit.where(happening, warped, x), valueRange[0], valueRange[1])
  }
}
