import type { Value } from '../../core/ir.js'
import { formatShape } from '../../core/shape.js'
import { invalid } from '../config.js'
import { common, optional, positive, share, unit } from './color-augmentation.js'
import type { CallContext } from './context.js'
import { flag, type ValuesOf } from './fields.js'
import { type Argument, areNamed } from './layer.js'
import { stretch } from './pixel-augmentation.js'
import { beta, permutation } from './random-distributions.js'
import { RandomImages, type RandomOptions } from './random-images.js'
import { uniform } from './regularization.js'
import { layerError } from './shapes.js'

const mixingFields = {
  /** Whether the model's targets are mixed as the images are; Keras has no such option. */
  mixTargets: { ...flag(false), write: (value: boolean) => value || undefined },
  ...common,
}

/** Which part of each sample stays, and from whom the rest comes. */
interface Mix {
  readonly images: Value
  /** float32 [batch]. */
  readonly kept: Value
  /** Integers [batch]. */
  readonly partners: Value
}

/**
 * Mixes the images of a batch while training: images alone, or `{ images, labels }` with the labels in the same way. With
 * `mixTargets` the targets of all outputs are mixed alike.
 */
abstract class Mixing<Options extends RandomOptions & { readonly mixTargets: boolean }> extends RandomImages<Options> {
  /** x in float32, channels last. */
  protected abstract mix(x: Value, context: CallContext): Mix

  #last: Mix | undefined

  change(x: Value, context: CallContext): Value {
    this.#last = this.mix(x, context)
    if (this.options.mixTargets) this.#mixTargets(this.#last, context)
    return this.#last.images
  }

  override call([images, labels]: readonly Value[], context: CallContext): Value | readonly Value[] {
    this.#last = undefined
    const changed = this.images(images, context)
    if (!labels) return changed
    const numbers = context.emit.cast(labels, 'float32')
    return [changed, this.#last ? this.blend(numbers, this.#last, context) : numbers]
  }

  protected override positional(inputs: Argument): Record<string, Argument> {
    if (!areNamed(inputs)) return super.positional(inputs)
    const { images, labels, ...others } = inputs
    const [unknown] = Object.keys(others)
    if (!images || unknown !== undefined)
      throw layerError(this, `takes images, or { images, labels }; got ${Object.keys(inputs).join(', ')}`)
    return super.positional(labels ? [images, labels] : images)
  }

  override encodeInputs(inputs: Argument, encode: (argument: Argument) => unknown): unknown {
    if (!Array.isArray(inputs)) return encode(inputs)
    const [images, labels] = inputs
    return { images: encode(images), labels: encode(labels) }
  }

  /** The share `kept` of each sample, and what is left of its partner. */
  protected blend(x: Value, { kept, partners }: Omit<Mix, 'images'>, { emit }: CallContext): Value {
    const share = emit.reshape(kept, [Number(x.shape[0]), ...x.shape.slice(1).map(() => 1)])
    return emit.add(emit.mul(x, share), emit.mul(emit.gather(x, partners), emit.sub(1, share)))
  }

  #mixTargets(mix: Mix, context: CallContext): void {
    const [batch] = mix.kept.shape
    context.targetChanges.push((target, output, sparse) => {
      const what = `layer '${this.name}' (${this.className}) mixes targets`
      if (sparse)
        throw invalid(
          `${what}; those of output '${output}' are class numbers: one-hot targets go with categoricalCrossentropy`,
        )
      if (target.shape[0] !== batch)
        throw invalid(`${what} of ${batch} samples; those of output '${output}' are ${formatShape(target.shape)}`)
      return this.blend(target, mix, context)
    })
  }
}

const mixUpFields = { alpha: positive(0.2), ...mixingFields }

/** Each image with a share of another one, drawn from the beta distribution of `alpha` (Zhang et al., 2018). */
export class MixUp extends Mixing<ValuesOf<typeof mixUpFields>> {
  static override readonly fields = mixUpFields

  protected mix(x: Value, context: CallContext): Mix {
    const { alpha, seed } = this.options
    const batch = Number(x.shape[0])
    const partners = permutation(context, batch, seed)
    const kept = beta(context, batch, context.emit.scalar(alpha), seed)
    return { images: this.blend(x, { kept, partners }, context), kept, partners }
  }
}

const cutMixFields = { factor: optional(share, 1), ...mixingFields }

/**
 * Each image with a rectangle of another one at the same place, as large as the beta distribution says whose parameter is
 * drawn from `factor` for a batch (Yun et al., 2019).
 */
export class CutMix extends Mixing<ValuesOf<typeof cutMixFields>> {
  static override readonly fields = cutMixFields

  protected mix(x: Value, context: CallContext): Mix {
    const { emit } = context
    const { factor, seed } = this.options
    const [batch, height, width] = x.shape as readonly number[]
    const alpha = emit.add(emit.mul(uniform(context, [1], seed), factor.high - factor.low), factor.low + 1e-6)
    const kept = beta(context, batch, alpha, seed)
    const side = emit.reshape(emit.sqrt(emit.sub(1, kept)), [batch, 1, 1, 1])
    const within = (size: number, axis: number) =>
      stretch(emit, [size, axis], emit.mul(side, size), this.drawFor(context, x, unit, 4))
    const inside = emit.and(within(width, 2), within(height, 1))
    const partners = permutation(context, batch, seed)
    return { images: emit.where(inside, emit.gather(x, partners), x), kept, partners }
  }
}
