import type { Value } from '../../core/ir.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import { brightnessFields, contrastFields } from './image-fields.js'
import { RandomImages } from './random-images.js'

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
