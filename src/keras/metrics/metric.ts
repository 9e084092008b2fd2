import type { Value } from '../../core/ir.js'
import type { Later } from '../../core/later.js'
import { sizeOf } from '../../core/shape.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { type KerasConfig, type KerasObject, kerasObject } from '../config.js'
import { type Loss, spread } from '../losses/loss.js'

/** What a metric adds up over batches: graph values (flattened), or numbers known when the graph is written. */
export type MetricTerms = readonly (Value | number)[]

/** Writes the terms of a batch; `weights` are of the first axes of what they weigh. */
export type WriteTerms = (yTrue: Value, yPred: Value, weights: Value | undefined, emit: GraphBuilder) => MetricTerms

/** From the sums of the terms: a number, or several, which are logged under the name with `_0`, `_1`, … behind it. */
export type MetricResult = (sums: ArrayLike<number>) => number | readonly number[]

/**
 * A number that is reported while training and evaluating: terms that the graph of a step computes, that add up over
 * batches in float64, and what they amount to.
 */
export class Metric {
  constructor(
    readonly name: string,
    readonly terms: WriteTerms,
    readonly result: MetricResult,
    readonly className?: string,
    readonly config: KerasConfig = {},
  ) {}

  /** Whether it is a mean of values, of which masked predictions then have no part. */
  get isMean(): boolean {
    return this.result === ratio
  }

  /** Keras's form; undefined for metrics made of functions. */
  serialize(): KerasObject | undefined {
    if (!this.className) return undefined
    return kerasObject('keras.metrics', this.className, { name: this.name, dtype: 'float32', ...this.config })
  }
}

/** A metric whose terms and result `make` makes of a module that comes by need. */
export function metricOf<M>(
  module: Later<M>,
  make: (module: M) => Pick<Metric, 'terms' | 'result'>,
  name: string,
  className: string,
  config: KerasConfig,
): Metric {
  let made: ReturnType<typeof make> | undefined
  const parts = () => {
    made ??= make(module())
    return made
  }
  return new Metric(
    name,
    (...batch) => parts().terms(...batch),
    (sums) => parts().result(sums),
    className,
    config,
  )
}

export interface MetricOptions {
  readonly name?: string
}

export const ratio = (sums: ArrayLike<number>): number => (sums[1] === 0 ? 0 : sums[0] / sums[1])

/** a / b, 0 where b is 0. */
export const share = (a: number, b: number): number => (b === 0 ? 0 : a / b)

/** Sum and weight of values, one or more for each sample. */
export function meanTerms(values: Value, weights: Value | undefined, emit: GraphBuilder): MetricTerms {
  const count = sizeOf(values.shape as readonly number[])
  if (!weights) return [emit.sum(values), count]
  const each = spread(weights, values, emit)
  const repeats = count / sizeOf(weights.shape as readonly number[])
  return [emit.sum(emit.mul(values, each)), emit.mul(emit.sum(weights), repeats)]
}

/** The mean of a loss function's values over samples. */
export const lossTerms =
  (loss: Loss): WriteTerms =>
  (yTrue, yPred, weights, emit) => {
    const { values, counts } = loss.weighed(yTrue, yPred, { weights }, emit)
    if (loss.details.mask) return [emit.sum(emit.mul(values, counts!)), emit.sum(counts!)]
    return meanTerms(values, weights, emit)
  }

/** Targets in float32 and the predictions, brought to one rank where one of them has a last axis of 1 more. */
export function sameRank(yTrue: Value, yPred: Value, emit: GraphBuilder): [Value, Value] {
  const target = emit.cast(yTrue, 'float32')
  const ranks = yTrue.shape.length - yPred.shape.length
  if (ranks === 0) return [target, yPred]
  if (Math.abs(ranks) === 1 && (ranks > 0 ? yTrue : yPred).shape.at(-1) === 1)
    return ranks > 0 && yPred.shape.length > 1
      ? [emit.reshape(target, yPred.shape as readonly number[]), yPred]
      : ranks > 0
        ? [target, emit.reshape(yPred, yTrue.shape as readonly number[])]
        : [emit.reshape(target, yPred.shape as readonly number[]), yPred]
  return [emit.reshape(target, yPred.shape as readonly number[]), yPred]
}

/** Class numbers, int32, without the axis of 1 that they may end with. */
export const labelsOf = (yTrue: Value, yPred: Value, emit: GraphBuilder): Value =>
  emit.cast(
    yTrue.shape.length === yPred.shape.length
      ? emit.reshape(yTrue, yTrue.shape.slice(0, -1) as readonly number[])
      : yTrue,
    'int32',
  )
