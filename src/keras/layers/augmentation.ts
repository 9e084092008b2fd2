import type { Value } from '../../core/ir.js'
import { positions } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import type { AffineMap } from './affine.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import {
  flipFields,
  type Range,
  randomCropFields,
  rotationFields,
  translationFields,
  zoomFields,
} from './image-fields.js'
import { ImageLayer } from './image-layer.js'
import { RandomImages } from './random-images.js'
import { RandomMap } from './random-map.js'
import { uniform } from './regularization.js'
import { resizeTo } from './resizing.js'

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

/** A window at random, the same for a batch; outside of training, and of smaller images, the middle, resized. */
export class RandomCrop extends ImageLayer<ValuesOf<typeof randomCropFields>> {
  static override readonly fields = randomCropFields

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
