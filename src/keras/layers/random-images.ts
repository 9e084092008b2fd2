import type { Value } from '../../core/ir.js'
import type { CallContext } from './context.js'
import type { Range } from './image-fields.js'
import { ImageLayer } from './image-layer.js'
import { uniform } from './regularization.js'

export interface RandomOptions {
  /** Of layers that draw numbers. */
  readonly seed?: number | null
  readonly dataFormat: boolean
}

/** Changes images at random while training, each image in its own way; else they pass. */
export abstract class RandomImages<Options extends RandomOptions> extends ImageLayer<Options> {
  /** Whether images change outside of training, too. */
  protected readonly always: boolean = false

  /** x in float32, channels last. */
  abstract change(x: Value, context: CallContext): Value

  call([x]: readonly Value[], context: CallContext): Value | readonly Value[] {
    return this.images(x, context)
  }

  /** x in float32, changed where the pass asks for it. */
  protected images(x: Value, context: CallContext): Value {
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
    return emit.add(emit.mul(uniform(context, shape, this.options.seed ?? null), high - low), low)
  }
}
