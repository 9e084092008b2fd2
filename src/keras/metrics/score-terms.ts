import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { spread } from '../losses/loss.js'
import { largest } from './accuracy.js'
import { type Metric, sameRank } from './metric.js'
import type { FBetaOptions, IoUOptions, R2Options } from './scores.js'

const epsilon = 1e-7

/** `sums` cut into `parts` lists of one length. */
const split = (sums: ArrayLike<number>, parts: number): number[][] => {
  const all = Array.from(sums)
  const size = all.length / parts
  return Array.from({ length: parts }, (_, i) => all.slice(i * size, (i + 1) * size))
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

type Parts = Pick<Metric, 'terms' | 'result'>

export function fBetaParts(
  className: string,
  { average, threshold, beta }: Required<Omit<FBetaOptions, 'name'>>,
): Parts {
  const positives = (yPred: Value, emit: GraphBuilder) => {
    if (threshold !== null) return emit.greater(yPred, threshold)
    const highest = emit.greaterOrEqual(yPred, emit.max(yPred, [-1], true))
    return emit.and(highest, emit.greater(emit.abs(yPred), 1e-9))
  }
  return {
    terms(yTrue, yPred, weights, emit) {
      const [target] = sameRank(yTrue, yPred, emit)
      if (yPred.shape.length !== 2) throw invalid(`${className} takes predictions of shape [batch, classes]`)
      const predicted = emit.cast(positives(yPred, emit), 'float32')
      const sum = (x: Value) =>
        emit.sum(weights ? emit.mul(x, spread(weights, x, emit)) : x, average === 'micro' ? undefined : [0])
      return [sum(emit.mul(predicted, target)), sum(predicted), sum(target)]
    },
    result(sums) {
      const [hits, predicted, actual] = split(sums, 3)
      const scores = hits.map((hit, i) => {
        const precision = hit / (predicted[i] + epsilon)
        const recall = hit / (actual[i] + epsilon)
        return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + epsilon)
      })
      if (average === 'weighted') {
        const total = actual.reduce((a, b) => a + b, epsilon)
        return scores.reduce((sum, score, i) => sum + (score * actual[i]) / total, 0)
      }
      return average === null && scores.length > 1 ? scores : mean(scores)
    },
  }
}

export function r2Parts({ classAggregation, numRegressors }: Required<Omit<R2Options, 'name'>>): Parts {
  return {
    terms(yTrue, yPred, weights, emit) {
      const [target, prediction] = sameRank(yTrue, yPred, emit)
      if (prediction.shape.length !== 2) throw invalid('r2Score takes predictions of shape [batch, outputs]')
      const [batch, outputs] = prediction.shape as readonly number[]
      const sum = (x: Value) => emit.sum(weights ? emit.mul(x, spread(weights, x, emit)) : x, [0])
      const ones = () => emit.constant(Tensor.full('float32', [batch, outputs], 1))
      const counted = weights ? emit.sum(emit.cast(emit.not(emit.equal(weights, 0)), 'float32')) : batch
      return [
        sum(target),
        sum(emit.square(target)),
        sum(emit.square(emit.sub(target, prediction))),
        sum(ones()),
        counted,
      ]
    },
    result(sums) {
      const samples = sums[sums.length - 1]
      const [total, squares, residuals, counts] = split(Array.from(sums).slice(0, -1), 4)
      const variances = squares.map((square, i) => square - total[i] ** 2 / counts[i])
      const scores = residuals.map((residual, i) => {
        const score = 1 - residual / variances[i]
        return Math.abs(score) === Number.POSITIVE_INFINITY ? 0 : score
      })
      const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
      const adjusted = (score: number) =>
        numRegressors === 0 || numRegressors >= samples - 1
          ? score
          : 1 - ((1 - score) * (samples - 1)) / (samples - numRegressors - 1)
      if (classAggregation === 'uniform_average') return adjusted(mean(scores))
      if (classAggregation === 'variance_weighted_average')
        return adjusted(sumOf(scores.map((score, i) => score * variances[i])) / sumOf(variances))
      return scores.length > 1 ? scores.map(adjusted) : adjusted(scores[0])
    },
  }
}

/** With `threshold`, predictions from it on are of class 1, others of class 0. */
export function iouParts(options: IoUOptions, threshold?: number): Parts {
  const { numClasses, targetClassIds, ignoreClass, axis = -1, dtype } = options
  const { sparseYTrue = true, sparseYPred = true } = options
  return {
    terms(yTrue, yPred, weights, emit) {
      const numbers = (x: Value, sparse: boolean) =>
        emit.cast(emit.reshape(sparse ? x : largest(x, emit, axis), [-1]), 'int32')
      const target = numbers(yTrue, sparseYTrue)
      const predicted = numbers(
        threshold === undefined ? yPred : emit.cast(emit.greaterOrEqual(yPred, threshold), 'int32'),
        sparseYPred,
      )
      const size = target.shape[0] as number
      const inside = (x: Value) => emit.and(emit.greaterOrEqual(x, 0), emit.less(x, numClasses))
      let valid = emit.and(inside(target), inside(predicted))
      if (typeof ignoreClass === 'number') valid = emit.and(valid, emit.not(emit.equal(target, ignoreClass)))
      const cell = emit.where(valid, emit.add(emit.mul(target, numClasses), predicted), 0)
      let count = emit.cast(valid, 'float32')
      if (weights) {
        const whole = String(dtype).includes('float') ? weights : emit.cast(emit.cast(weights, 'int32'), 'float32')
        const batch = weights.shape[0] as number
        count = emit.mul(
          count,
          emit.reshape(emit.expand(emit.reshape(whole, [batch, 1]), [batch, size / batch]), [size]),
        )
      }
      const zeros = emit.constant(Tensor.zeros('float32', [numClasses ** 2]))
      return [emit.op('ScatterElements', [zeros, cell, count], { axis: 0, reduction: 'add' })]
    },
    result(sums) {
      let total = 0
      let present = 0
      for (const id of targetClassIds) {
        let union = -sums[id * numClasses + id]
        for (let other = 0; other < numClasses; other++)
          union += sums[id * numClasses + other] + sums[other * numClasses + id]
        if (union <= 1e-9) continue
        total += sums[id * numClasses + id] / (union + epsilon)
        present++
      }
      return total / (present + epsilon)
    },
  }
}

const centered = (x: Value, axis: number, emit: GraphBuilder) => emit.sub(x, emit.mean(x, [axis], true))
const variance = (x: Value, axis: number, emit: GraphBuilder) =>
  emit.mean(emit.square(centered(x, axis, emit)), [axis], true)

/** Of targets and predictions of one rank, along an axis. */
type Correlation = (yTrue: Value, yPred: Value, axis: number, emit: GraphBuilder) => Value

/** Correlations by the names that Keras's metrics have. */
export const correlations: Readonly<Record<string, Correlation>> = {
  CosineSimilarity: (t, p, axis, emit) => {
    const unit = (x: Value) => emit.div(x, emit.maximum(emit.sqrt(emit.sum(emit.square(x), [axis], true)), 1e-7))
    return emit.sum(emit.mul(unit(t), unit(p)), [axis])
  },
  PearsonCorrelation: (t, p, axis, emit) => {
    const norm = (x: Value) => emit.div(centered(x, axis, emit), emit.sqrt(variance(x, axis, emit)))
    return emit.mean(emit.mul(norm(t), norm(p)), [axis])
  },
  /** As Keras computes it: both factors of the covariance are taken from the predictions' mean. */
  ConcordanceCorrelation: (t, p, axis, emit) => {
    const mean = emit.mean(p, [axis], true)
    const covariance = emit.mul(emit.sub(t, mean), emit.sub(p, mean))
    const gap = emit.sub(emit.mean(t, [axis], true), mean)
    const norm = emit.add(emit.add(variance(t, axis, emit), variance(p, axis, emit)), emit.square(gap))
    return emit.mean(emit.div(emit.mul(covariance, 2), emit.add(norm, 1e-7)), [axis])
  },
}
