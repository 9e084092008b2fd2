import { invalid, type KerasConfig } from '../config.js'
import {
  type ConfusionOptions,
  type Counts,
  confusionTerms,
  countsOf,
  evenThresholds,
  lowest,
  sortThresholds,
} from './confusion.js'
import { Metric, type MetricOptions, type MetricResult, share } from './metric.js'

/** A metric of the counts of a confusion matrix at some thresholds. */
const confusionMetric = (
  className: string,
  name: string,
  options: ConfusionOptions,
  config: KerasConfig,
  result: (counts: Counts) => ReturnType<MetricResult>,
  logits = false,
): Metric =>
  new Metric(
    name,
    (yTrue, yPred, weights, emit) =>
      confusionTerms(yTrue, logits ? emit.sigmoid(yPred) : yPred, weights, emit, options),
    (sums) => result(countsOf(sums, options.thresholds.length)),
    className,
    config,
  )

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
  (className: string, name: string, value: (counts: Counts, threshold: number) => number, ranked = false) =>
  (options: PrecisionOptions = {}): Metric => {
    const { topK = null, classId = null, thresholds = null } = options
    const { sorted, places } = sortThresholds(thresholds, topK === null ? 0.5 : lowest)
    return confusionMetric(
      className,
      options.name ?? name,
      { thresholds: sorted, topK, classId },
      { thresholds, ...(ranked && { top_k: topK, class_id: classId }) },
      (counts) => {
        const values = places.map((place) => value(counts, place))
        return values.length === 1 ? values[0] : values
      },
    )
  }

export interface AtOptions extends MetricOptions {
  /** 200 unless given. */
  readonly numThresholds?: number
  readonly classId?: number | null
}

const recall = ({ tp, fn }: Counts, i: number) => share(tp[i], tp[i] + fn[i])
const precision = ({ tp, fp }: Counts, i: number) => share(tp[i], tp[i] + fp[i])
const specificity = ({ tn, fp }: Counts, i: number) => share(tn[i], tn[i] + fp[i])

type Rate = (counts: Counts, threshold: number) => number

/** The highest `wanted` at the thresholds where `held` is at least what the option `key` says. */
const bestAt =
  <Key extends string>(className: string, name: string, key: Key, held: Rate, wanted: Rate) =>
  (options: AtOptions & Readonly<Record<Key, number>>): Metric => {
    const { numThresholds = 200, classId = null } = options
    const least: number = options[key]
    if (!(least >= 0 && least <= 1)) throw invalid(`${className}: ${key} must lie in [0, 1], got ${least}`)
    const even = numThresholds !== 1
    const thresholds = even ? evenThresholds(numThresholds) : [0.5]
    return confusionMetric(
      className,
      options.name ?? name,
      { thresholds, even, classId },
      { num_thresholds: numThresholds, [key]: least, class_id: classId },
      (counts) =>
        thresholds.reduce((best, _, i) => (held(counts, i) >= least ? Math.max(best, wanted(counts, i)) : best), 0),
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
  return confusionMetric(
    'AUC',
    name,
    { thresholds: limits, even: !thresholds, multiLabel, labelWeights },
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
    (counts) => {
      const labels = counts.tp.length / limits.length
      let area = 0
      let total = 0
      for (let label = 0; label < labels; label++) {
        const weight = multiLabel ? (labelWeights?.[label] ?? 1) : 1
        area += weight * areaOf(counts, label, labels)
        total += weight
      }
      return share(area, total)
    },
    fromLogits,
  )
}

export const thresholdMetrics = {
  truePositives: perThreshold('TruePositives', 'true_positives', ({ tp }, i) => tp[i]),
  trueNegatives: perThreshold('TrueNegatives', 'true_negatives', ({ tn }, i) => tn[i]),
  falsePositives: perThreshold('FalsePositives', 'false_positives', ({ fp }, i) => fp[i]),
  falseNegatives: perThreshold('FalseNegatives', 'false_negatives', ({ fn }, i) => fn[i]),
  precision: perThreshold('Precision', 'precision', precision, true),
  recall: perThreshold('Recall', 'recall', recall, true),
  sensitivityAtSpecificity: bestAt(
    'SensitivityAtSpecificity',
    'sensitivity_at_specificity',
    'specificity',
    specificity,
    recall,
  ),
  specificityAtSensitivity: bestAt(
    'SpecificityAtSensitivity',
    'specificity_at_sensitivity',
    'sensitivity',
    recall,
    specificity,
  ),
  precisionAtRecall: bestAt('PrecisionAtRecall', 'precision_at_recall', 'recall', recall, precision),
  recallAtPrecision: bestAt('RecallAtPrecision', 'recall_at_precision', 'precision', precision, recall),
  auc,
} as const
