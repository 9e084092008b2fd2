import type { Value } from '../../core/ir.js'
import { slice } from '../../ops/compose.js'
import { invalid } from '../config.js'
import { RandomRotation, RandomTranslation } from './augmentation.js'
import { RandomBrightness, RandomContrast } from './brightness.js'
import {
  AutoContrast,
  common,
  optional,
  positive,
  RandomColorDegeneration,
  RandomPosterization,
  Solarization,
  share,
} from './color-augmentation.js'
import type { CallContext } from './context.js'
import { choice, count, type Field, flag, number, type OptionsOf, type ValuesOf } from './fields.js'
import { Equalization } from './histogram-equalization.js'
import { type Range, samplings, valueRange } from './image-fields.js'
import type { LayerOptions } from './layer.js'
import { RandomSharpness, RandomShear } from './pixel-augmentation.js'
import { beta, choices, dirichlet } from './random-distributions.js'
import { RandomImages, type RandomOptions } from './random-images.js'

type Change = RandomImages<RandomOptions>

interface Strength {
  readonly factor: Range
  readonly valueRange: readonly number[]
  readonly interpolation: (typeof samplings)[number]
  readonly seed: number | null
}

/** The changes of a policy, as strong as `factor` says; without those of brightness, colour, contrast and sharpness unless `all`. */
function changesOf({ factor: { low, high }, valueRange, interpolation, seed }: Strength, all: boolean): Change[] {
  const factor = [low, high]
  const geometry = { interpolation, seed }
  const colours = { valueRange, seed }
  const rest = [
    [RandomBrightness, { factor, ...colours }],
    [RandomColorDegeneration, { factor, ...colours }],
    [RandomContrast, { factor, ...colours }],
    [RandomSharpness, { factor, ...colours }],
  ] as const
  const changes = [
    [RandomShear, { xFactor: factor, yFactor: factor, ...geometry }],
    [RandomTranslation, { heightFactor: factor, widthFactor: factor, ...geometry }],
    [RandomRotation, { factor, ...geometry }],
    ...(all ? rest : []),
    [RandomPosterization, { factor: Math.max(1, Math.floor(8 * high)), ...colours }],
    [Solarization, { additionFactor: factor, thresholdFactor: factor, ...colours }],
    [AutoContrast, { valueRange }],
    [Equalization, { valueRange }],
  ] as const
  return changes.map(([Change, options]) => new Change(options as object) as Change)
}

/** x changed by the one of `changes` that `chosen` (float32 [1]) counts to; by none if it is none of theirs. */
function changedBy(changes: readonly Change[], chosen: Value, x: Value, context: CallContext): Value {
  const { emit } = context
  return changes.reduce((y, change, i) => emit.where(emit.equal(chosen, i), change.change(x, context), y), x)
}

const interpolation = choice(samplings, 'bilinear')
/** How often something is done. */
const times = (fallback: number): Field<number, number> => ({
  ...number(fallback),
  read(value, what) {
    if (!Number.isInteger(value) || value < 0)
      throw invalid(`${what} must be 0 or a positive integer, got ${JSON.stringify(value)}`)
    return value
  },
})

const randFields = { valueRange, numOps: times(2), factor: optional(share, 0.5), interpolation, ...common }

/** `numOps` changes one after the other, drawn for a batch, each as strong as an image draws (Cubuk et al., 2019). */
export class RandAugment extends RandomImages<ValuesOf<typeof randFields>> {
  static override readonly fields = randFields
  readonly #changes: readonly Change[]

  constructor(options: LayerOptions & OptionsOf<typeof randFields>, className?: string) {
    super(options, className)
    this.#changes = changesOf(this.options, true)
  }

  change(x: Value, context: CallContext): Value {
    const { numOps, seed } = this.options
    if (numOps === 0) return x
    const drawn = choices(context, numOps, this.#changes.length, seed)
    let y = x
    for (let i = 0; i < numOps; i++) y = changedBy(this.#changes, slice(context.emit, drawn, 0, i, i + 1), y, context)
    return y
  }
}

const mixFields = {
  valueRange,
  numChains: count(3),
  chainDepth: times(3),
  factor: optional(share, 0.3),
  alpha: positive(1),
  allOps: flag(true),
  interpolation,
  ...common,
}

/**
 * Images mixed with `numChains` changed ones, each of up to `chainDepth` changes that are drawn for a batch (Hendrycks et
 * al., 2020).
 */
export class AugMix extends RandomImages<ValuesOf<typeof mixFields>> {
  static override readonly fields = mixFields
  readonly #changes: readonly Change[]

  constructor(options: LayerOptions & OptionsOf<typeof mixFields>, className?: string) {
    super(options, className)
    this.#changes = changesOf(this.options, this.options.allOps)
  }

  change(x: Value, context: CallContext): Value {
    const { emit } = context
    const { numChains, chainDepth, alpha, seed, valueRange } = this.options
    const parameter = emit.scalar(alpha)
    const shares = dirichlet(context, numChains, parameter, seed)
    const kept = beta(context, 1, parameter, seed)
    // One number more than there are changes stands for none.
    const drawn = choices(context, Math.max(1, numChains * chainDepth), this.#changes.length + 1, seed)
    const at = (list: Value, i: number) => slice(emit, list, 0, i, i + 1)
    const chains = Array.from({ length: numChains }, (_, chain) => {
      let y = x
      for (let i = 0; i < chainDepth; i++) y = changedBy(this.#changes, at(drawn, chain * chainDepth + i), y, context)
      return emit.mul(y, at(shares, chain))
    })
    const mixed = chains.reduce((a, b) => emit.add(a, b))
    const images = emit.add(emit.mul(x, kept), emit.mul(mixed, emit.sub(1, kept)))
    return emit.clip(images, valueRange[0], valueRange[1])
  }
}
