import type { Value } from '../../core/ir.js'
import { formatShape } from '../../core/shape.js'
import { invalid } from '../config.js'
import { common, optional, positive, share, unit } from './color-augmentation.js'
import type { CallContext } from './context.js'
import type { ValuesOf } from './fields.js'
import { stretch } from './pixel-augmentation.js'
import { beta, permutation } from './random-distributions.js'
import { RandomImages, type RandomOptions } from './random-images.js'
import { uniform } from './regularization.js'

/** Mixes the samples of a batch while training; the targets of all outputs are mixed alike. */
abstract class Mixing<Options extends RandomOptions> extends RandomImages<Options> {
  /** The share `kept` (float32 [batch]) of each sample, and what is left of the sample that `partners` (integers [batch]) names. */
  protected mix(x: Value, kept: Value, partners: Value, { emit }: CallContext): Value {
    const share = emit.reshape(kept, [Number(x.shape[0]), ...x.shape.slice(1).map(() => 1)])
    return emit.add(emit.mul(x, share), emit.mul(emit.gather(x, partners), emit.sub(1, share)))
  }

  protected mixTargets(kept: Value, partners: Value, context: CallContext): void {
    const [batch] = kept.shape
    context.targetChanges.push((target, output, sparse) => {
      const what = `layer '${this.name}' (${this.className}) mixes targets`
      if (sparse)
        throw invalid(
          `${what}; those of output '${output}' are class numbers: one-hot targets go with categoricalCrossentropy`,
        )
      if (target.shape[0] !== batch)
        throw invalid(`${what} of ${batch} samples; those of output '${output}' are ${formatShape(target.shape)}`)
      return this.mix(target, kept, partners, context)
    })
  }
}

const mixUpFields = { alpha: positive(0.2), ...common }

/** Each image with a share of another one, drawn from the beta distribution of `alpha` (Zhang et al., 2018). */
export class MixUp extends Mixing<ValuesOf<typeof mixUpFields>> {
  static override readonly fields = mixUpFields

  change(x: Value, context: CallContext): Value {
    const { alpha, seed } = this.options
    const batch = Number(x.shape[0])
    const partners = permutation(context, batch, seed)
    const kept = beta(context, batch, context.emit.scalar(alpha), seed)
    this.mixTargets(kept, partners, context)
    return this.mix(x, kept, partners, context)
  }
}

const cutMixFields = { factor: optional(share, 1), ...common }

/**
 * Each image with a rectangle of another one at the same place, as large as the beta distribution says whose parameter is
 * drawn from `factor` for a batch (Yun et al., 2019).
 */
export class CutMix extends Mixing<ValuesOf<typeof cutMixFields>> {
  static override readonly fields = cutMixFields

  change(x: Value, context: CallContext): Value {
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
    this.mixTargets(kept, partners, context)
    return emit.where(inside, emit.gather(x, partners), x)
  }
}
