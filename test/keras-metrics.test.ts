import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { layers, type Metric, metrics, sequential } from '../src/keras/index.js'
import { resolveMetric } from '../src/keras/metrics/index.js'

/*
 * Keras's metrics, written anew in float64 from its documentation, over all samples at once; lanewise sees them in
 * batches. Models are the identity, so that predictions are what is fed.
 */
type Row = readonly number[]
type Rows = readonly Row[]

const random = new RandomGenerator(5)
const samples = 23
const batchSize = 5
const many = (width: number, draw: (i: number) => number) =>
  Array.from({ length: samples }, () => Array.from({ length: width }, (_, i) => draw(i)))
const sum = (values: Row) => values.reduce((a, b) => a + b, 0)
const mean = (values: Row) => sum(values) / values.length
const share = (a: number, b: number) => (b === 0 ? 0 : a / b)
const tensor = (values: Rows) => new Tensor('float32', values.flat(), [values.length, values[0].length])
const weights = Array.from({ length: samples }, (_, i) => 1 + (i % 3))

const near = (actual: number | undefined, expected: number, what: string, tolerance = 2e-5) => {
  assert.type(actual, 'number', `${what} is logged`)
  assert.ok(Math.abs(actual! - expected) <= tolerance * (1 + Math.abs(expected)), `${what}: ${actual}, not ${expected}`)
}

/** What `metric` logs over all samples in batches, without and with sample weights. */
async function measure(metric: Metric, t: Rows, p: Rows, labels = false): Promise<Record<string, number>[]> {
  const model = sequential([layers.activation({ activation: 'linear', inputShape: [p[0].length] })])
  model.compile({ loss: (_t, yPred, emit) => emit.sum(yPred, [-1]), metrics: [metric], weightedMetrics: [metric] })
  const y = labels ? new Tensor('int32', t.flat(), [samples]) : tensor(t)
  const plain = await model.evaluate(tensor(p), y, { batchSize, verbose: 0 })
  const sampleWeight = new Tensor('float32', weights, [samples])
  model.compile({ loss: (_t, yPred, emit) => emit.sum(yPred, [-1]), weightedMetrics: [metric] })
  const weighted = await model.evaluate(tensor(p), y, { batchSize, verbose: 0, sampleWeight })
  model.dispose()
  return [plain, weighted]
}

/** Holds the metric to `expected`, given rows and the weight of each; `value` may be several. */
const holds = (
  name: string,
  metric: Metric,
  t: Rows,
  p: Rows,
  expected: (t: Rows, p: Rows, w: Row) => number | readonly number[],
  labels = false,
) =>
  test(name, async () => {
    const logs = await measure(metric, t, p, labels)
    for (const [i, w] of [t.map(() => 1), weights].entries()) {
      const values = expected(t, p, w)
      if (typeof values === 'number') near(logs[i][metric.name], values, `${name} ${i}`)
      else
        for (const [k, value] of values.entries()) near(logs[i][`${metric.name}_${k}`], value, `${name} ${i} of ${k}`)
    }
  })

/** A mean over samples of a value of each row. */
const ofRows =
  (value: (t: Row, p: Row) => number) =>
  (t: Rows, p: Rows, w: Row): number =>
    sum(t.map((row, i) => w[i] * value(row, p[i]))) / sum(w)

const probabilities = many(4, () => random.uniform())
const bits = many(4, () => (random.uniform() < 0.4 ? 1 : 0))
const reals = many(4, () => random.normal())
const targets = many(4, () => random.normal())
const hots = many(1, () => Math.floor(random.uniform(0, 4))).map(([k]) => [0, 1, 2, 3].map((i) => (i === k ? 1 : 0)))
const labels = hots.map((row) => [row.indexOf(1)])
const argMax = (row: Row) => row.indexOf(Math.max(...row))
const isInTop = (k: number, label: number, p: Row) => p.filter((x) => x > p[label]).length < k

holds(
  'binaryAccuracy',
  metrics.binaryAccuracy({ threshold: 0.3 }),
  bits,
  probabilities,
  ofRows((t, p) => mean(t.map((x, i) => Number(x === Number(p[i] > 0.3))))),
)
holds(
  'categoricalAccuracy',
  metrics.categoricalAccuracy(),
  hots,
  probabilities,
  ofRows((t, p) => Number(argMax(t) === argMax(p))),
)
holds(
  'sparseCategoricalAccuracy',
  metrics.sparseCategoricalAccuracy(),
  labels,
  probabilities,
  ofRows(([t], p) => Number(t === argMax(p))),
  true,
)
holds(
  'topKCategoricalAccuracy',
  metrics.topKCategoricalAccuracy({ k: 2 }),
  hots,
  probabilities,
  ofRows((t, p) => Number(isInTop(2, argMax(t), p))),
)
holds(
  'sparseTopKCategoricalAccuracy',
  metrics.sparseTopKCategoricalAccuracy({ k: 3 }),
  labels,
  probabilities,
  ofRows(([t], p) => Number(isInTop(3, t, p))),
  true,
)
holds(
  'sparseTopKCategoricalAccuracy of sorted classes',
  metrics.sparseTopKCategoricalAccuracy({ k: 2, fromSortedIds: true }),
  labels,
  many(4, () => Math.floor(random.uniform(0, 4))),
  ofRows(([t], p) => Number(p.slice(0, 2).includes(t))),
  true,
)
holds(
  'meanSquaredError',
  metrics.meanSquaredError(),
  targets,
  reals,
  ofRows((t, p) => mean(t.map((x, i) => (x - p[i]) ** 2))),
)
holds('rootMeanSquaredError', metrics.rootMeanSquaredError(), targets, reals, (t, p, w) =>
  Math.sqrt(ofRows((a, b) => mean(a.map((x, i) => (x - b[i]) ** 2)))(t, p, w)),
)
holds(
  'logCoshError',
  metrics.logCoshError(),
  targets,
  reals,
  ofRows((t, p) => mean(t.map((x, i) => Math.log(Math.cosh(x - p[i]))))),
)
holds(
  'hinge',
  metrics.hinge(),
  bits,
  reals,
  ofRows((t, p) => mean(t.map((x, i) => Math.max(0, 1 - (2 * x - 1) * p[i])))),
)
const cosine = (t: Row, p: Row) => sum(t.map((x, i) => x * p[i])) / Math.hypot(...t) / Math.hypot(...p)
holds('cosineSimilarity', metrics.cosineSimilarity(), targets, reals, ofRows(cosine))
const centered = (row: Row) => row.map((x) => x - mean(row))
holds(
  'pearsonCorrelation',
  metrics.pearsonCorrelation(),
  targets,
  reals,
  ofRows((t, p) => cosine(centered(t), centered(p))),
)
const variance = (row: Row) => mean(centered(row).map((x) => x ** 2))
holds(
  'concordanceCorrelation',
  metrics.concordanceCorrelation(),
  targets,
  reals,
  ofRows((t, p) => {
    const norm = variance(t) + variance(p) + (mean(t) - mean(p)) ** 2 + 1e-7
    return mean(t.map((x, i) => (2 * (x - mean(p)) * (p[i] - mean(p))) / norm))
  }),
)
holds(
  'sum',
  metrics.sum((t, p, emit) => emit.sum(emit.mul(t, p), [-1]), { name: 'products' }),
  targets,
  reals,
  (t, p, w) => sum(t.map((row, i) => w[i] * sum(row.map((x, k) => x * p[i][k])))),
)

/** Sums of weights by target and prediction at a threshold, over the pairs that `pick` gives of each sample. */
function confusion(t: Rows, p: Rows, w: Row, threshold: number, pick = (row: Row) => row) {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 }
  t.forEach((row, i) => {
    const predicted = pick(p[i])
    pick(row).forEach((target, k) => {
      const positive = predicted[k] > threshold
      counts[target ? (positive ? 'tp' : 'fn') : positive ? 'fp' : 'tn'] += w[i]
    })
  })
  return counts
}
type Counts = ReturnType<typeof confusion>
const precision = ({ tp, fp }: Counts) => share(tp, tp + fp)
const recall = ({ tp, fn }: Counts) => share(tp, tp + fn)
const specificity = ({ tn, fp }: Counts) => share(tn, tn + fp)

for (const [name, key] of [
  ['truePositives', 'tp'],
  ['falsePositives', 'fp'],
  ['trueNegatives', 'tn'],
  ['falseNegatives', 'fn'],
] as const)
  holds(name, metrics[name](), bits, probabilities, (t, p, w) => confusion(t, p, w, 0.5)[key])
holds(
  'thresholds in any order',
  metrics.truePositives({ thresholds: [0.8, 0.2, 0.5] }),
  bits,
  probabilities,
  (t, p, w) => [0.8, 0.2, 0.5].map((threshold) => confusion(t, p, w, threshold).tp),
)
holds('precision', metrics.precision(), bits, probabilities, (t, p, w) => precision(confusion(t, p, w, 0.5)))
holds('precision of one class', metrics.precision({ classId: 2, thresholds: 0.4 }), bits, probabilities, (t, p, w) =>
  precision(confusion(t, p, w, 0.4, (row) => [row[2]])),
)
const onlyTop = (k: number) => (p: Rows) => p.map((row) => row.map((x, i) => (isInTop(k, i, row) ? x : -1)))
holds('recall of the two highest', metrics.recall({ topK: 2 }), bits, probabilities, (t, p, w) =>
  recall(confusion(t, onlyTop(2)(p), w, -0.5)),
)

const steps = (count: number) => Array.from({ length: count }, (_, i) => i / (count - 1))
const best = (t: Rows, p: Rows, w: Row, held: (c: Counts) => number, least: number, wanted: (c: Counts) => number) =>
  Math.max(
    0,
    ...steps(50)
      .map((threshold) => confusion(t, p, w, threshold))
      .filter((c) => held(c) >= least)
      .map(wanted),
  )
holds(
  'sensitivityAtSpecificity',
  metrics.sensitivityAtSpecificity({ specificity: 0.6, numThresholds: 50 }),
  bits,
  probabilities,
  (t, p, w) => best(t, p, w, specificity, 0.6, recall),
)
holds(
  'specificityAtSensitivity',
  metrics.specificityAtSensitivity({ sensitivity: 0.6, numThresholds: 50 }),
  bits,
  probabilities,
  (t, p, w) => best(t, p, w, recall, 0.6, specificity),
)
holds(
  'precisionAtRecall',
  metrics.precisionAtRecall({ recall: 0.5, numThresholds: 50 }),
  bits,
  probabilities,
  (t, p, w) => best(t, p, w, recall, 0.5, precision),
)
holds(
  'recallAtPrecision',
  metrics.recallAtPrecision({ precision: 0.4, numThresholds: 50 }),
  bits,
  probabilities,
  (t, p, w) => best(t, p, w, precision, 0.4, recall),
)

/** The area under a curve through the points of `thresholds`, by trapezoids. */
function area(
  t: Rows,
  p: Rows,
  w: Row,
  thresholds: Row,
  point: (c: Counts) => [number, number],
  height = (a: number, b: number) => (a + b) / 2,
) {
  const points = thresholds.map((threshold) => point(confusion(t, p, w, threshold)))
  return sum(points.slice(1).map(([x, y], i) => (points[i][0] - x) * height(points[i][1], y)))
}
const limits = [-1e-7, ...steps(40).slice(1, -1), 1 + 1e-7]
const roc = (c: Counts): [number, number] => [share(c.fp, c.fp + c.tn), recall(c)]
const pr = (c: Counts): [number, number] => [recall(c), precision(c)]
holds('auc', metrics.auc({ numThresholds: 40 }), bits, probabilities, (t, p, w) => area(t, p, w, limits, roc))
holds('auc by given thresholds', metrics.auc({ thresholds: [0.7, 0.1, 0.4] }), bits, probabilities, (t, p, w) =>
  area(t, p, w, [-1e-7, 0.1, 0.4, 0.7, 1 + 1e-7], roc),
)
holds(
  'auc, majoring, of precision and recall',
  metrics.auc({ numThresholds: 40, curve: 'PR', summationMethod: 'majoring' }),
  bits,
  probabilities,
  (t, p, w) => area(t, p, w, limits, pr, Math.max),
)
const logit = probabilities.map((row) => row.map((x) => Math.log(x / (1 - x))))
holds(
  'auc of logits, minoring',
  metrics.auc({ numThresholds: 40, fromLogits: true, summationMethod: 'minoring' }),
  bits,
  logit,
  (t, _, w) => area(t, probabilities, w, limits, roc, Math.min),
)
const byLabel = (k: number) => (rows: Rows) => rows.map((row) => [row[k]])
holds(
  'auc of several labels',
  metrics.auc({ numThresholds: 40, multiLabel: true, labelWeights: [1, 2, 3, 4] }),
  bits,
  probabilities,
  (t, p, w) => sum([0, 1, 2, 3].map((k) => (k + 1) * area(byLabel(k)(t), byLabel(k)(p), w, limits, roc))) / 10,
)
holds(
  'auc, interpolated, of precision and recall',
  metrics.auc({ numThresholds: 40, curve: 'PR' }),
  bits,
  probabilities,
  (t, p, w) => {
    const all = limits.map((threshold) => confusion(t, p, w, threshold))
    return sum(
      all.slice(1).map((next, i) => {
        const [a, b] = [all[i].tp + all[i].fp, next.tp + next.fp]
        const slope = share(all[i].tp - next.tp, a - b)
        const intercept = next.tp - slope * b
        return share(
          slope * (all[i].tp - next.tp + intercept * Math.log(a > 0 && b > 0 ? a / b : 1)),
          next.tp + next.fn,
        )
      }),
    )
  },
)
holds('auc of gains', metrics.auc({ numThresholds: 40, curve: 'PRGAIN' }), bits, probabilities, (t, p, w) =>
  area(t, p, w, limits, (c) => {
    if (c.tp === 0) return [0, 1]
    const scale = (c.tp + c.fn) / (c.tn + c.fp)
    return [Math.max(0, 1 - (scale * c.fn) / c.tp), 1 - (scale * c.fp) / c.tp]
  }),
)

const f = (beta: number, c: Counts) =>
  ((1 + beta ** 2) * precision(c) * recall(c)) / (beta ** 2 * precision(c) + recall(c) + 1e-7)
const classCounts = (t: Rows, p: Rows, w: Row, threshold: number) =>
  [0, 1, 2, 3].map((k) => confusion(byLabel(k)(t), byLabel(k)(p), w, threshold))
const onlyHighest = onlyTop(1)
holds('f1Score of each class', metrics.f1Score(), bits, probabilities, (t, p, w) =>
  classCounts(t, onlyHighest(p), w, -0.5).map((c) => f(1, c)),
)
holds('f1Score, macro', metrics.f1Score({ average: 'macro', threshold: 0.5 }), bits, probabilities, (t, p, w) =>
  mean(classCounts(t, p, w, 0.5).map((c) => f(1, c))),
)
holds(
  'fbetaScore, micro',
  metrics.fbetaScore({ average: 'micro', threshold: 0.3, beta: 2 }),
  bits,
  probabilities,
  (t, p, w) => f(2, confusion(t, p, w, 0.3)),
)
holds(
  'fbetaScore, weighted',
  metrics.fbetaScore({ average: 'weighted', threshold: 0.3, beta: 0.5 }),
  bits,
  probabilities,
  (t, p, w) => {
    const all = classCounts(t, p, w, 0.3)
    return sum(all.map((c) => f(0.5, c) * (c.tp + c.fn))) / sum(all.map((c) => c.tp + c.fn))
  },
)

const determination = (t: Rows, p: Rows, w: Row) =>
  [0, 1, 2, 3].map((k) => {
    const [a, b] = [t.map((row) => row[k]), p.map((row) => row[k])]
    const middle = sum(a.map((x, i) => w[i] * x)) / sum(w)
    const total = sum(a.map((x, i) => w[i] * (x - middle) ** 2))
    return { score: 1 - sum(a.map((x, i) => w[i] * (x - b[i]) ** 2)) / total, total }
  })
holds('r2Score', metrics.r2Score(), targets, reals, (t, p, w) => mean(determination(t, p, w).map(({ score }) => score)))
holds('r2Score of each output', metrics.r2Score({ classAggregation: null }), targets, reals, (t, p, w) =>
  determination(t, p, w).map(({ score }) => score),
)
holds(
  'r2Score by variance, adjusted',
  metrics.r2Score({ classAggregation: 'variance_weighted_average', numRegressors: 3 }),
  targets,
  reals,
  (t, p, w) => {
    const all = determination(t, p, w)
    const score = sum(all.map((o) => o.score * o.total)) / sum(all.map((o) => o.total))
    return 1 - ((1 - score) * (samples - 1)) / (samples - 4)
  },
)

const classes = many(4, () => Math.floor(random.uniform(0, 5)))
const guesses = many(4, () => Math.floor(random.uniform(0, 4)))
const overlap = (t: Rows, p: Rows, w: Row, of: Row, counts = (_: number) => true) => {
  const each = of.flatMap((k) => {
    const area = (inside: (a: number, b: number) => boolean) =>
      sum(t.flatMap((row, i) => row.map((x, j) => (counts(x) && inside(x, p[i][j]) ? w[i] : 0))))
    const union = area((a, b) => a === k || b === k)
    return union > 0 ? [area((a, b) => a === k && b === k) / union] : []
  })
  return each.length > 0 ? mean(each) : 0
}
holds('iou', metrics.iou({ numClasses: 5, targetClassIds: [1, 3] }), classes, guesses, (t, p, w) =>
  overlap(t, p, w, [1, 3]),
)
holds('meanIoU', metrics.meanIoU({ numClasses: 6, ignoreClass: 2 }), classes, guesses, (t, p, w) =>
  overlap(t, p, w, [0, 1, 2, 3, 4, 5], (x) => x !== 2),
)
holds('binaryIoU', metrics.binaryIoU({ threshold: 0.3 }), bits, probabilities, (t, p, w) =>
  overlap(
    t,
    p.map((row) => row.map((x) => Number(x >= 0.3))),
    w,
    [0, 1],
  ),
)
const columns = (rows: Rows) => rows.map((row) => [argMax(row)])
holds('oneHotIoU', metrics.oneHotIoU({ numClasses: 4, targetClassIds: [0, 2] }), hots, probabilities, (t, p, w) =>
  overlap(columns(t), columns(p), w, [0, 2]),
)
holds('oneHotMeanIoU', metrics.oneHotMeanIoU({ numClasses: 4 }), hots, probabilities, (t, p, w) =>
  overlap(columns(t), columns(p), w, [0, 1, 2, 3]),
)

test('metrics are found by their names in both notations, and come back from their serialised form', () => {
  for (const name of [
    'AUC',
    'auc',
    'mean_io_u',
    'MeanIoU',
    'f1_score',
    'F1Score',
    'OneHotIoU',
    'KLDivergence',
    'cosineSimilarity',
    'LogCoshError',
    'precision_at_recall',
    'top_k_categorical_accuracy',
  ]) {
    const config = { num_classes: 3, target_class_ids: [1], recall: 0.5, name: 'm' }
    const metric = resolveMetric({ class_name: name, config })
    assert.is(metric.name, 'm')
    const again = resolveMetric(metric.serialize()!)
    assert.equal(again.serialize(), metric.serialize())
  }
})

test('wrong options are refused', () => {
  assert.throws(() => metrics.auc({ curve: 'XY' as never }), /curve must be/)
  assert.throws(() => metrics.precision({ thresholds: 2 }), /thresholds must lie in/)
  assert.throws(() => metrics.f1Score({ average: 'some' as never }), /average must be/)
  assert.throws(() => metrics.iou({ numClasses: 2, targetClassIds: [2] }), /do not fit numClasses/)
  assert.throws(() => resolveMetric('nothing'), /unknown metric 'nothing'/)
})

test.run()
