import type { Value } from '../../core/ir.js'
import { type AffineMap, fillModes, samplings, transformImages } from './affine.js'
import type { CallContext } from './context.js'
import { choice, number, type ValuesOf } from './fields.js'
import { RandomImages, randomFields } from './random-images.js'

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
