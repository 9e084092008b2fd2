import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { spread } from '../losses/loss.js'
import { largest } from './accuracy.js'
import { Metric, type MetricOptions, sameRank } from './metric.js'

const epsilon = 1e-7

/** `sums` cut into `parts` lists of one length. */
const split = (sums: ArrayLike<number>, parts: number): number[][] => {
  const all = Array.from(sums)
  const size = all.length / parts
  return Array.from({ length: parts }, (_, i) => all.slice(i * size, (i + 1) * size))
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

export interface F1Options extends MetricOptions {
  /** How the classes' scores become one; a score for each class unless given. */
  readonly average?: 'micro' | 'macro' | 'weighted' | null
  /** What predictions must exceed; the largest of each row counts unless given. */
  readonly threshold?: number | null
}

export interface FBetaOptions extends F1Options {
  readonly beta?: number
}

function fBeta(className: string, defaultName: string, options: FBetaOptions): Metric {
  const { average = null, threshold = null, beta = 1, name = defaultName } = options
  if (average !== null && !['micro', 'macro', 'weighted'].includes(average))
    throw invalid(`${className}: average must be micro, macro, weighted or null, got '${average}'`)
  if (!(beta > 0)) throw invalid(`${className}: beta must be above 0, got ${beta}`)
  if (threshold !== null && !(threshold > 0 && threshold <= 1))
    throw invalid(`${className}: threshold must lie in (0, 1], got ${threshold}`)
  const positives = (yPred: Value, emit: GraphBuilder) => {
    if (threshold !== null) return emit.greater(yPred, threshold)
    const highest = emit.greaterOrEqual(yPred, emit.max(yPred, [-1], true))
    return emit.and(highest, emit.greater(emit.abs(yPred), 1e-9))
  }
  return new Metric(
    name,
    (yTrue, yPred, weights, emit) => {
      const [target] = sameRank(yTrue, yPred, emit)
      if (yPred.shape.length !== 2) throw invalid(`${className} takes predictions of shape [batch, classes]`)
      const predicted = emit.cast(positives(yPred, emit), 'float32')
      const sum = (x: Value) =>
        emit.sum(weights ? emit.mul(x, spread(weights, x, emit)) : x, average === 'micro' ? undefined : [0])
      return [sum(emit.mul(predicted, target)), sum(predicted), sum(target)]
    },
    (sums) => {
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
    className,
    { average, threshold, ...(className === 'FBetaScore' && { beta }) },
  )
}

export interface R2Options extends MetricOptions {
  /** How the scores of several outputs become one; null gives one for each. */
  readonly classAggregation?: 'uniform_average' | 'variance_weighted_average' | null
  /** Number of regressors, for the adjusted score. */
  readonly numRegressors?: number
}

/** The coefficient of determination. */
function r2Score(options: R2Options = {}): Metric {
  const { classAggregation = 'uniform_average', numRegressors = 0, name = 'r2_score' } = options
  if (![null, 'uniform_average', 'variance_weighted_average'].includes(classAggregation))
    throw invalid(`r2Score: unknown classAggregation '${classAggregation}'`)
  if (!(numRegressors >= 0)) throw invalid(`r2Score: numRegressors must be 0 or more, got ${numRegressors}`)
  return new Metric(
    name,
    (yTrue, yPred, weights, emit) => {
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
    (sums) => {
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
    'R2Score',
    { class_aggregation: classAggregation, num_regressors: numRegressors },
  )
}

export interface MeanIoUOptions extends MetricOptions {
  readonly numClasses: number
  readonly ignoreClass?: number | null
  /** Whether targets (or predictions) are class numbers, rather than scores for each class. */
  readonly sparseYTrue?: boolean
  readonly sparseYPred?: boolean
  /** The axis of the scores. */
  readonly axis?: number
  /** Sample weights are cut to integers unless this is a float type, as in Keras. */
  readonly dtype?: unknown
}

export interface IoUOptions extends MeanIoUOptions {
  readonly targetClassIds: readonly number[]
}

/** Intersection over union, from a confusion matrix [classes, classes] of targets and predictions. */
function iou(
  className: string,
  options: IoUOptions,
  config: object,
  classify?: (yPred: Value, emit: GraphBuilder) => Value,
) {
  const { numClasses, targetClassIds, ignoreClass, axis = -1, dtype } = options
  const { sparseYTrue = true, sparseYPred = true } = options
  if (!Number.isInteger(numClasses) || numClasses < 1 || targetClassIds.some((id) => !(id >= 0 && id < numClasses)))
    throw invalid(`${className}: class numbers ${targetClassIds.join(', ')} do not fit numClasses ${numClasses}`)
  return new Metric(
    options.name!,
    (yTrue, yPred, weights, emit) => {
      const numbers = (x: Value, sparse: boolean) =>
        emit.cast(emit.reshape(sparse ? x : largest(x, emit, axis), [-1]), 'int32')
      const target = numbers(yTrue, sparseYTrue)
      const predicted = numbers(classify ? classify(yPred, emit) : yPred, sparseYPred)
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
    (sums) => {
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
    className,
    { ...config, dtype: dtype ?? 'int32' },
  )
}

const iouConfig = ({
  numClasses,
  ignoreClass = null,
  sparseYTrue = true,
  sparseYPred = true,
  axis = -1,
}: MeanIoUOptions) => ({
  num_classes: numClasses,
  ignore_class: ignoreClass,
  sparse_y_true: sparseYTrue,
  sparse_y_pred: sparseYPred,
  axis,
})

const everyClass = ({ numClasses }: MeanIoUOptions) => [...Array(numClasses).keys()]

type OneHot<Options> = Omit<Options, 'sparseYTrue' | 'sparseYPred'> & { readonly sparseYPred?: boolean }

const oneHotConfig = (options: OneHot<MeanIoUOptions>) => {
  const { sparse_y_true: _, ...config } = iouConfig({ sparseYPred: false, ...options })
  return config
}

export const scores = {
  fbetaScore: (options: FBetaOptions = {}) => fBeta('FBetaScore', 'fbeta_score', options),
  f1Score: (options: F1Options = {}) => fBeta('F1Score', 'f1_score', options),
  r2Score,
  iou: (options: IoUOptions) =>
    iou('IoU', { name: 'iou', ...options }, { ...iouConfig(options), target_class_ids: options.targetClassIds }),
  meanIoU: (options: MeanIoUOptions) =>
    iou('MeanIoU', { name: 'mean_iou', ...options, targetClassIds: everyClass(options) }, iouConfig(options)),
  /** Targets are rows with a single 1. */
  oneHotIoU: (options: OneHot<IoUOptions>) =>
    iou(
      'OneHotIoU',
      { name: 'one_hot_iou', sparseYPred: false, ...options, sparseYTrue: false },
      { ...oneHotConfig(options), target_class_ids: options.targetClassIds },
    ),
  oneHotMeanIoU: (options: OneHot<MeanIoUOptions>) =>
    iou(
      'OneHotMeanIoU',
      {
        name: 'one_hot_mean_iou',
        sparseYPred: false,
        ...options,
        sparseYTrue: false,
        targetClassIds: everyClass(options),
      },
      oneHotConfig(options),
    ),
  /** Two classes; predictions from `threshold` on are of class 1. */
  binaryIoU: (
    options: MetricOptions & { targetClassIds?: readonly number[]; threshold?: number; dtype?: unknown } = {},
  ) => {
    const { targetClassIds = [0, 1], threshold = 0.5, name = 'binary_iou', dtype } = options
    return iou(
      'BinaryIoU',
      { name, numClasses: 2, targetClassIds, dtype },
      { target_class_ids: targetClassIds, threshold },
      (yPred, emit) => emit.cast(emit.greaterOrEqual(yPred, threshold), 'int32'),
    )
  },
} as const
