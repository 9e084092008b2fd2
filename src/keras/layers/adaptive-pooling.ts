import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { Emitter } from '../../ops/emitter.js'
import type { CallContext } from './context.js'
import { dataFormat, neededSizes, type ValuesOf } from './fields.js'
import { Layer } from './layer.js'
import { type KerasShape, knownDim, requireRank } from './shapes.js'

const adaptiveFields = { outputSize: neededSizes, dataFormat }

/** Pools as many windows as the output has places: the i-th of n goes from floor(i size / n) to ceil((i + 1) size / n). */
abstract class AdaptivePooling extends Layer<ValuesOf<typeof adaptiveFields>> {
  static override readonly fields = adaptiveFields

  /** The windows along `axis`, padded to one length: `lengths` of each. */
  protected abstract pool(emit: Emitter, windows: Value, axis: number, lengths: readonly number[]): Value

  get #axes(): number[] {
    return this.options.outputSize.map((_, i) => i + (this.options.dataFormat ? 1 : 2))
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
    for (const axis of this.#axes) knownDim(this, shape, axis)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return this.#axes.reduce((y, axis, i) => {
      const [size, count] = [Number(y.shape[axis]), this.options.outputSize[i]]
      const starts = Array.from({ length: count }, (_, place) => Math.floor((place * size) / count))
      const lengths = starts.map((start, place) => Math.ceil(((place + 1) * size) / count) - start)
      const longest = Math.max(...lengths)
      const places = starts.flatMap((start, place) =>
        Array.from({ length: longest }, (_, at) => start + Math.min(at, lengths[place] - 1)),
      )
      const taken = emit.gather(y, emit.constant(new Tensor('int32', places, [count, longest])), axis)
      return this.pool(emit, taken, axis + 1, lengths)
    }, x)
  }
}

/** The largest of each window. */
export class AdaptiveMaxPooling extends AdaptivePooling {
  protected pool(emit: Emitter, windows: Value, axis: number): Value {
    return emit.max(windows, [axis])
  }
}

/** The mean of each window. */
export class AdaptiveAveragePooling extends AdaptivePooling {
  protected pool(emit: Emitter, windows: Value, axis: number, lengths: readonly number[]): Value {
    const longest = Number(windows.shape[axis])
    if (lengths.every((length) => length === longest)) return emit.mean(windows, [axis])
    const shares = lengths.flatMap((length) =>
      Array.from({ length: longest }, (_, at) => (at < length ? 1 / length : 0)),
    )
    const behind = windows.shape.slice(axis + 1).map(() => 1)
    const weights = emit.constant(new Tensor('float32', shares, [lengths.length, longest, ...behind]))
    return emit.sum(emit.mul(windows, weights), [axis])
  }
}
