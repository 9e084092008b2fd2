import { invalid } from '../config.js'
import { scoreTerms } from '../parts.js'
import { type Metric, type MetricOptions, metricOf } from './metric.js'

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
  return metricOf(
    scoreTerms,
    ({ fBetaParts }) => fBetaParts(className, { average, threshold, beta }),
    name,
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
  return metricOf(scoreTerms, ({ r2Parts }) => r2Parts({ classAggregation, numRegressors }), name, 'R2Score', {
    class_aggregation: classAggregation,
    num_regressors: numRegressors,
  })
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
function iou(className: string, options: IoUOptions, config: object, threshold?: number) {
  const { numClasses, targetClassIds } = options
  if (!Array.isArray(targetClassIds))
    throw invalid(`${className} needs the options numClasses and targetClassIds, a list`)
  if (!Number.isInteger(numClasses) || numClasses < 1 || targetClassIds.some((id) => !(id >= 0 && id < numClasses)))
    throw invalid(`${className}: class numbers ${targetClassIds.join(', ')} do not fit numClasses ${numClasses}`)
  return metricOf(scoreTerms, ({ iouParts }) => iouParts(options, threshold), options.name!, className, {
    ...config,
    dtype: options.dtype ?? 'int32',
  })
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
      threshold,
    )
  },
} as const
