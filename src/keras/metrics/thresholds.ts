import { invalid } from '../config.js'
import { confusion } from '../parts.js'
import { type Metric, type MetricOptions, metricOf } from './metric.js'
import { evenThresholds, lowest, sortThresholds } from './threshold-lists.js'

export interface ThresholdOptions extends MetricOptions {
  /** What predictions must exceed to be positive; 0.5 unless given. A list gives a result for each. */
  readonly thresholds?: number | readonly number[] | null
}

export interface PrecisionOptions extends ThresholdOptions {
  /** Only the k highest predictions of a sample count as positive. */
  readonly topK?: number | null
  /** Only this class counts. */
  readonly classId?: number | null
}

const perThreshold =
  (className: string, name: string, ranked = false) =>
  (options: PrecisionOptions = {}): Metric => {
    const { topK = null, classId = null, thresholds = null } = options
    const { sorted, places } = sortThresholds(thresholds, topK === null ? 0.5 : lowest)
    return metricOf(
      confusion,
      ({ atPlaces }) => atPlaces(className, { thresholds: sorted, topK, classId }, places),
      options.name ?? name,
      className,
      { thresholds, ...(ranked && { top_k: topK, class_id: classId }) },
    )
  }

export interface AtOptions extends MetricOptions {
  /** 200 unless given. */
  readonly numThresholds?: number
  readonly classId?: number | null
}

/** The best at the thresholds where another rate is at least what the option `key` says. */
const bestAt =
  <Key extends string>(className: string, name: string, key: Key) =>
  (options: AtOptions & Readonly<Record<Key, number>>): Metric => {
    const { numThresholds = 200, classId = null } = options
    const least: number = options[key]
    if (!(least >= 0 && least <= 1)) throw invalid(`${className}: ${key} must lie in [0, 1], got ${least}`)
    const even = numThresholds !== 1
    const thresholds = even ? evenThresholds(numThresholds) : [0.5]
    return metricOf(
      confusion,
      ({ bestWhere }) => bestWhere(className, { thresholds, even, classId }, least),
      options.name ?? name,
      className,
      { num_thresholds: numThresholds, [key]: least, class_id: classId },
    )
  }

export interface AUCOptions extends MetricOptions {
  /** 200 unless given. */
  readonly numThresholds?: number
  readonly curve?: 'ROC' | 'PR' | 'PRGAIN'
  readonly summationMethod?: 'interpolation' | 'majoring' | 'minoring'
  /** Between 0 and 1, in place of even ones. */
  readonly thresholds?: readonly number[] | null
  /** Curves for each label, whose areas are averaged. */
  readonly multiLabel?: boolean
  readonly numLabels?: number | null
  readonly labelWeights?: readonly number[] | null
  readonly fromLogits?: boolean
}

/** The area under a curve, by Keras's Riemann sums over thresholds. */
function auc(options: AUCOptions = {}): Metric {
  const { name = 'auc', thresholds = null, multiLabel = false, labelWeights = null, fromLogits = false } = options
  const { numThresholds = 200, summationMethod = 'interpolation', numLabels = null } = options
  const curve = (options.curve ?? 'ROC').toUpperCase()
  if (!['ROC', 'PR', 'PRGAIN'].includes(curve)) throw invalid(`auc: curve must be ROC, PR or PRGAIN, got '${curve}'`)
  const method = summationMethod.toLowerCase()
  if (!['interpolation', 'majoring', 'minoring'].includes(method))
    throw invalid(`auc: summationMethod must be interpolation, majoring or minoring, got '${summationMethod}'`)
  const margin = 1e-7
  const limits = thresholds
    ? [-margin, ...sortThresholds(thresholds, 0.5).sorted, 1 + margin]
    : evenThresholds(numThresholds, margin)
  return metricOf(
    confusion,
    ({ areaUnder }) =>
      areaUnder({ thresholds: limits, even: !thresholds, multiLabel, labelWeights, fromLogits }, curve, method),
    name,
    'AUC',
    {
      num_thresholds: limits.length,
      curve,
      summation_method: method,
      multi_label: multiLabel,
      num_labels: numLabels,
      label_weights: labelWeights,
      from_logits: fromLogits,
      ...(thresholds && { thresholds: limits.slice(1, -1) }),
    },
  )
}

export const thresholdMetrics = {
  truePositives: perThreshold('TruePositives', 'true_positives'),
  trueNegatives: perThreshold('TrueNegatives', 'true_negatives'),
  falsePositives: perThreshold('FalsePositives', 'false_positives'),
  falseNegatives: perThreshold('FalseNegatives', 'false_negatives'),
  precision: perThreshold('Precision', 'precision', true),
  recall: perThreshold('Recall', 'recall', true),
  sensitivityAtSpecificity: bestAt('SensitivityAtSpecificity', 'sensitivity_at_specificity', 'specificity'),
  specificityAtSensitivity: bestAt('SpecificityAtSensitivity', 'specificity_at_sensitivity', 'sensitivity'),
  precisionAtRecall: bestAt('PrecisionAtRecall', 'precision_at_recall', 'recall'),
  recallAtPrecision: bestAt('RecallAtPrecision', 'recall_at_precision', 'precision'),
  auc,
} as const
