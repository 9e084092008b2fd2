import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import type { CallContext } from './context.js'
import { any, dataFormat, neededNumber, neededShare, seed, type ValuesOf } from './fields.js'
import { Layer } from './layer.js'
import { type KerasShape, requireRank } from './shapes.js'

/** Numbers from a layer's own seed, or from the pass's. */
const generatorOf = (context: CallContext, own: number | null) => ({
  seed: own ?? context.seed,
  stream: context.nextStream(),
})

/** float32 in [0, 1), new in each step. While training only. */
export const uniform = (context: CallContext, shape: readonly number[], own: number | null): Value =>
  context.emit.op('lanewise.RandomUniform', [context.step], { shape, ...generatorOf(context, own) })

/** Standard normal values (Box and Muller, 1958). */
export function normal(context: CallContext, shape: readonly number[], own: number | null): Value {
  const { emit } = context
  const radius = emit.sqrt(emit.mul(emit.log(emit.sub(1, uniform(context, shape, own))), -2))
  return emit.mul(radius, emit.op('Cos', [emit.mul(uniform(context, shape, own), 2 * Math.PI)]))
}

/** `x` with whole slices along the axes where `noise` has 1 set to 0, the others scaled up. */
export function dropAlong(context: CallContext, x: Value, rate: number, noise: readonly number[], own: number | null) {
  const { emit } = context
  const kept = emit.cast(emit.greaterOrEqual(uniform(context, noise, own), rate), 'float32')
  return emit.mul(x, emit.mul(kept, 1 / (1 - rate)))
}

/** Dropout of single elements, while training. */
export const dropout = (context: CallContext, x: Value, rate: number, own: number | null): Value =>
  context.training && rate > 0
    ? context.emit.op('lanewise.Dropout', [x, context.step], { rate, ...generatorOf(context, own) })
    : x

const dropoutFields = {
  /** Share of elements set to 0 while training, in [0, 1). The others are scaled by 1 / (1 - rate). */
  rate: neededShare,
  seed,
  /** Where it has 1, elements along that axis drop out together; null stands for the input's size. */
  noiseShape: any<readonly (number | null)[] | null>(null),
}

export class Dropout extends Layer<ValuesOf<typeof dropoutFields>> {
  static override readonly fields = dropoutFields
  static override readonly passesMask: boolean = true

  call([x]: readonly Value[], context: CallContext): Value {
    const { rate, seed, noiseShape } = this.options
    if (!context.training || rate === 0 || !noiseShape) return dropout(context, x, rate, seed)
    return dropAlong(
      context,
      x,
      rate,
      noiseShape.map((size, axis) => size ?? (x.shape[axis] as number)),
      seed,
    )
  }
}

const spatialFields = { rate: neededShare, seed, dataFormat }

/** Dropout of whole feature maps. */
export class SpatialDropout extends Layer<ValuesOf<typeof spatialFields>> {
  static override readonly fields = spatialFields
  static override readonly passesMask: boolean = true

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
  }

  call([x]: readonly Value[], context: CallContext): Value {
    const { rate, seed, dataFormat } = this.options
    if (!context.training || rate === 0) return x
    const channels = dataFormat ? x.shape.length - 1 : 1
    const noise = x.shape.map((size, axis) => (axis === 0 || axis === channels ? Number(size) : 1))
    return dropAlong(context, x, rate, noise, seed)
  }

  protected override config() {
    const { data_format, ...config } = super.config()
    return this.rank === 1 ? config : { ...config, data_format }
  }
}

/** A layer that does something to its input while training only. */
abstract class Noise<Options extends object> extends Layer<Options> {
  static override readonly passesMask: boolean = true
  protected abstract disturb(x: Value, context: CallContext, emit: Emitter): Value

  call([x]: readonly Value[], context: CallContext): Value {
    return context.training ? this.disturb(x, context, context.emit) : x
  }
}

const gaussianNoiseFields = { stddev: neededNumber, seed }

/** Adds normal noise. */
export class GaussianNoise extends Noise<ValuesOf<typeof gaussianNoiseFields>> {
  static override readonly fields = gaussianNoiseFields
  protected disturb(x: Value, context: CallContext, emit: Emitter): Value {
    const { stddev, seed } = this.options
    return stddev === 0 ? x : emit.add(x, emit.mul(normal(context, x.shape as number[], seed), stddev))
  }
}

const gaussianDropoutFields = { rate: neededShare, seed }

/** Multiplies by normal noise of mean 1 and deviation sqrt(rate / (1 - rate)) (Srivastava et al., 2014). */
export class GaussianDropout extends Noise<ValuesOf<typeof gaussianDropoutFields>> {
  static override readonly fields = gaussianDropoutFields
  protected disturb(x: Value, context: CallContext, emit: Emitter): Value {
    const { rate, seed } = this.options
    if (rate === 0) return x
    const noise = emit.mul(normal(context, x.shape as number[], seed), Math.sqrt(rate / (1 - rate)))
    return emit.mul(x, emit.add(noise, 1))
  }
}

const alphaFields = { rate: neededShare, seed, noiseShape: any<readonly (number | null)[] | null>(null) }

/** Dropout to the lower limit of SELU that keeps mean and variance (Klambauer et al., 2017). */
export class AlphaDropout extends Noise<ValuesOf<typeof alphaFields>> {
  static override readonly fields = alphaFields
  protected disturb(x: Value, context: CallContext, emit: Emitter): Value {
    const { rate, seed, noiseShape } = this.options
    if (rate === 0) return x
    const low = -1.6732632423543772 * 1.0507009873554805
    const shape = x.shape.map((size, axis) => noiseShape?.[axis] ?? Number(size))
    const kept = emit.greaterOrEqual(uniform(context, shape, seed), rate)
    const a = ((1 - rate) * (1 + rate * low * low)) ** -0.5
    return emit.add(emit.mul(emit.where(kept, x, low), a), -a * low * rate)
  }
}
