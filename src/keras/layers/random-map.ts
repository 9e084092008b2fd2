import type { Value } from '../../core/ir.js'
import { type AffineMap, transformImages } from './affine.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import type { affineFields } from './image-fields.js'
import { RandomImages } from './random-images.js'

type AffineOptions = ValuesOf<typeof affineFields>

/** Images through maps of the plane, one each. */
export abstract class RandomMap<Options extends AffineOptions> extends RandomImages<Options> {
  protected abstract map(x: Value, size: readonly [height: number, width: number], context: CallContext): AffineMap

  change(x: Value, context: CallContext): Value {
    const [, height, width] = x.shape as readonly number[]
    return transformImages(context.emit, x, this.map(x, [height, width], context), this.options)
  }
}
