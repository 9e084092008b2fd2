import type { Value } from '../../core/ir.js'
import { sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { spread } from '../losses/loss.js'
import { type MetricTerms, sameRank } from './metric.js'

/** What positives and negatives amount to for each threshold (and label, threshold by threshold). */
export interface Counts {
  readonly tp: Float64Array
  readonly fp: Float64Array
  readonly tn: Float64Array
  readonly fn: Float64Array
}

export interface ConfusionOptions {
  /** Ascending. A prediction is positive for the thresholds below it. */
  readonly thresholds: readonly number[]
  /** Whether thresholds lie at k / (count - 1), so that a prediction's place among them follows by arithmetic. */
  readonly even?: boolean
  /** Only the k highest predictions of a sample may be positive. */
  readonly topK?: number | null
  readonly classId?: number | null
  /** Counts for each label of the last axis apart. */
  readonly multiLabel?: boolean
  readonly labelWeights?: readonly number[] | null
}

/** Below every threshold. */
export const lowest = -1e10

/** Weights of positives, and of negatives, by how many thresholds lie below their predictions: [thresholds + 1 (, labels)] each. */
export function confusionTerms(
  yTrue: Value,
  yPred: Value,
  weights: Value | undefined,
  emit: GraphBuilder,
  { thresholds, even, topK, classId, multiLabel, labelWeights }: ConfusionOptions,
): MetricTerms {
  let [target, prediction] = sameRank(yTrue, yPred, emit)
  if (topK) {
    const [scores] = emit.emit('TopK', [prediction, emit.ints([topK])], { axis: -1 }, 2)
    const least = emit.min(scores, [-1], true)
    prediction = emit.where(emit.greaterOrEqual(prediction, least), prediction, lowest)
  }
  if (typeof classId === 'number') {
    if (prediction.shape.length < 2) throw invalid('classId needs predictions of shape [batch, classes]')
    const column = emit.ints([classId])
    target = emit.gather(target, column, -1)
    prediction = emit.gather(prediction, column, -1)
  }
  const shape = prediction.shape as readonly number[]
  const size = sizeOf(shape)
  const labels = multiLabel ? shape[shape.length - 1] : 1
  let weight = weights && emit.expand(spread(weights, prediction, emit), shape)
  if (labelWeights && !multiLabel) {
    const each = emit.expand(emit.constant(new Tensor('float32', labelWeights, [labelWeights.length])), shape)
    weight = weight ? emit.mul(weight, each) : each
  }
  const count = thresholds.length
  const flat = (x: Value) => emit.reshape(x, [size])
  let place: Value
  if (even) {
    const steps = emit.op('Ceil', [emit.mul(emit.clip(flat(prediction), 0, 1), count - 1)])
    // The outer thresholds of `even` ones may lie a little outside of [0, 1]: then each prediction is above the first.
    place = thresholds[0] < 0 ? emit.maximum(steps, 1) : steps
  } else {
    const column = emit.reshape(prediction, [size, 1])
    const limits = emit.constant(new Tensor('float32', thresholds, [count]))
    place = emit.sum(emit.cast(emit.greater(column, limits), 'float32'), [-1])
  }
  let bucket = emit.cast(place, 'int32')
  if (labels > 1) {
    const label = Int32Array.from({ length: size }, (_, i) => i % labels)
    bucket = emit.add(emit.mul(bucket, labels), emit.constant(new Tensor('int32', label, [size])))
  }
  const isPositive = emit.cast(emit.not(emit.equal(flat(target), 0)), 'float32')
  const weighted = (x: Value) => (weight ? emit.mul(x, flat(weight)) : x)
  const zeros = () => emit.constant(Tensor.zeros('float32', [(count + 1) * labels]))
  const sums = (x: Value) => emit.op('ScatterElements', [zeros(), bucket, x], { axis: 0, reduction: 'add' })
  return [sums(weighted(isPositive)), sums(weighted(emit.sub(1, isPositive)))]
}

/** The counts that the sums of `confusionTerms` amount to, for each of `count` thresholds. */
export function countsOf(sums: ArrayLike<number>, count: number): Counts {
  const half = sums.length / 2
  const labels = half / (count + 1)
  const above = (from: number) => {
    const result = new Float64Array((count + 1) * labels)
    for (let i = half - 1; i >= 0; i--) result[i] = sums[from + i] + (i + labels < half ? result[i + labels] : 0)
    return result
  }
  const [positives, negatives] = [above(0), above(half)]
  const below = (all: Float64Array) =>
    Float64Array.from({ length: count * labels }, (_, i) => all[i % labels] - all[i + labels])
  return { tp: positives.slice(labels), fp: negatives.slice(labels), fn: below(positives), tn: below(negatives) }
}

/** Thresholds at k / (count - 1), the outer ones moved by `margin` beyond 0 and 1. */
export function evenThresholds(count: number, margin = 0): number[] {
  if (!Number.isInteger(count) || count < 2) throw invalid(`numThresholds must be an integer above 1, got ${count}`)
  const inner = Array.from({ length: count - 2 }, (_, i) => (i + 1) / (count - 1))
  return [-margin, ...inner, 1 + margin]
}

/** `thresholds` as a list, ascending, and the place of each in the order that was given. Throws INVALID_ARGUMENT. */
export function sortThresholds(
  thresholds: number | readonly number[] | null | undefined,
  fallback: number,
): { sorted: readonly number[]; places: readonly number[] } {
  const list = typeof thresholds === 'number' ? [thresholds] : (thresholds ?? [fallback])
  const wrong = thresholds === null || thresholds === undefined ? undefined : list.find((t) => !(t >= 0 && t <= 1))
  if (wrong !== undefined) throw invalid(`thresholds must lie in [0, 1], got ${wrong}`)
  const sorted = [...list].sort((a, b) => a - b)
  return { sorted, places: list.map((threshold) => sorted.indexOf(threshold)) }
}
