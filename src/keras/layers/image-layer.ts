import type { Value } from '../../core/ir.js'
import { slice } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { planeAxes, requirePlane } from './image-plane.js'
import { Layer } from './layer.js'
import { type KerasShape, kerasShape, knownDim } from './shapes.js'

/** Layers on images [batch, height, width, channels], or channels first. */
export abstract class ImageLayer<Options extends { readonly dataFormat: boolean }> extends Layer<Options> {
  protected override get buildsWithoutWeights(): boolean {
    return true
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requirePlane(this, shape, this.options.dataFormat)
  }

  /** The axes of height and width. */
  protected get planeAxes(): readonly [height: number, width: number] {
    return planeAxes(this.options.dataFormat)
  }

  protected planeOf(x: Value): readonly [height: number, width: number] {
    const [height, width] = this.planeAxes.map((axis) => knownDim(this, kerasShape(x.shape), axis))
    return [height, width]
  }

  /** The part of the images from (top, left) on. */
  protected window(emit: Emitter, x: Value, [top, left]: readonly number[], [height, width]: readonly number[]): Value {
    const [vertical, horizontal] = this.planeAxes
    return slice(emit, slice(emit, x, vertical, top, top + height), horizontal, left, left + width)
  }

  /** The largest window in the middle whose sides are as those of `target`. */
  protected middle(emit: Emitter, x: Value, [height, width]: readonly number[]): Value {
    const [h, w] = this.planeOf(x)
    const tall = Math.max(1, Math.min(h, Math.floor((w * height) / width)))
    const wide = Math.max(1, Math.min(w, Math.floor((h * width) / height)))
    return this.window(emit, x, [(h - tall) >> 1, (w - wide) >> 1], [tall, wide])
  }
}
