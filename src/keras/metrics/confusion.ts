import type { Value } from '../../core/ir.js'
import { sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { spread } from '../losses/loss.js'
import { type Metric, type MetricTerms, sameRank, share } from './metric.js'
import { type ConfusionOptions, lowest } from './threshold-lists.js'

/** What positives and negatives amount to for each threshold (and label, threshold by threshold). */
export interface Counts {
  readonly tp: Float64Array
  readonly fp: Float64Array
  readonly tn: Float64Array
  readonly fn: Float64Array
}

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

type Rate = (counts: Counts, threshold: number) => number

const recall = ({ tp, fn }: Counts, i: number) => share(tp[i], tp[i] + fn[i])
const precision = ({ tp, fp }: Counts, i: number) => share(tp[i], tp[i] + fp[i])
const specificity = ({ tn, fp }: Counts, i: number) => share(tn[i], tn[i] + fp[i])

/** What metrics of one threshold or more are called in Keras, and give for each. */
const perThreshold: Readonly<Record<string, Rate>> = {
  TruePositives: ({ tp }, i) => tp[i],
  TrueNegatives: ({ tn }, i) => tn[i],
  FalsePositives: ({ fp }, i) => fp[i],
  FalseNegatives: ({ fn }, i) => fn[i],
  Precision: precision,
  Recall: recall,
}

/** Of metrics that look for a threshold: what has to be held there, and what is wanted. */
const held: Readonly<Record<string, readonly [held: Rate, wanted: Rate]>> = {
  SensitivityAtSpecificity: [specificity, recall],
  SpecificityAtSensitivity: [recall, specificity],
  PrecisionAtRecall: [recall, precision],
  RecallAtPrecision: [precision, recall],
}

type Parts = Pick<Metric, 'terms' | 'result'>

const partsOf = (options: ConfusionOptions, result: (counts: Counts) => number | readonly number[]): Parts => ({
  terms: (yTrue, yPred, weights, emit) =>
    confusionTerms(yTrue, options.fromLogits ? emit.sigmoid(yPred) : yPred, weights, emit, options),
  result: (sums) => result(countsOf(sums, options.thresholds.length)),
})

/** The value of `className` at the thresholds of these places. */
export const atPlaces = (className: string, options: ConfusionOptions, places: readonly number[]): Parts =>
  partsOf(options, (counts) => {
    const values = places.map((place) => perThreshold[className](counts, place))
    return values.length === 1 ? values[0] : values
  })

/** The highest value that is wanted at the thresholds where what has to be held is at least `least`. */
export function bestWhere(className: string, options: ConfusionOptions, least: number): Parts {
  const [isHeld, wanted] = held[className]
  return partsOf(options, (counts) =>
    options.thresholds.reduce(
      (best, _, i) => (isHeld(counts, i) >= least ? Math.max(best, wanted(counts, i)) : best),
      0,
    ),
  )
}

/** Davis and Goadrich, 2006: precision is interpolated by true positives, not linearly. */
function interpolatedPrecision({ tp, fp, fn }: Counts, i: number, next: number): number {
  const dtp = tp[i] - tp[next]
  const [p, pNext] = [tp[i] + fp[i], tp[next] + fp[next]]
  const slope = share(dtp, Math.max(p - pNext, 0))
  const intercept = tp[next] - slope * pNext
  const safe = p > 0 && pNext > 0 ? p / pNext : 1
  return share(slope * (dtp + intercept * Math.log(safe)), Math.max(tp[next] + fn[next], 0))
}

/** Where the curve is at a threshold. */
function pointOf(counts: Counts, i: number, curve: string): [x: number, y: number] {
  if (curve === 'ROC') return [1 - specificity(counts, i), recall(counts, i)]
  if (curve === 'PR') return [recall(counts, i), precision(counts, i)]
  const { tp, fp, fn, tn } = counts
  if (tp[i] === 0) return [0, 1]
  const scale = share(tp[i] + fn[i], tn[i] + fp[i])
  return [Math.max(0, 1 - (scale * fn[i]) / tp[i]), 1 - (scale * fp[i]) / tp[i]]
}

/** The area under a curve, by Keras's Riemann sums over thresholds. */
export function areaUnder(options: ConfusionOptions, curve: string, method: string): Parts {
  const { thresholds, multiLabel, labelWeights } = options
  const height = (a: number, b: number) =>
    method === 'interpolation' ? (a + b) / 2 : method === 'minoring' ? Math.min(a, b) : Math.max(a, b)
  const areaOf = (counts: Counts, label: number, labels: number) => {
    let area = 0
    for (let i = label; i + labels < counts.tp.length; i += labels) {
      if (curve === 'PR' && method === 'interpolation') area += interpolatedPrecision(counts, i, i + labels)
      else {
        const [[x, y], [xNext, yNext]] = [pointOf(counts, i, curve), pointOf(counts, i + labels, curve)]
        area += (x - xNext) * height(y, yNext)
      }
    }
    return area
  }
  return partsOf(options, (counts) => {
    const labels = counts.tp.length / thresholds.length
    let area = 0
    let total = 0
    for (let label = 0; label < labels; label++) {
      const weight = multiLabel ? (labelWeights?.[label] ?? 1) : 1
      area += weight * areaOf(counts, label, labels)
      total += weight
    }
    return share(area, total)
  })
}
