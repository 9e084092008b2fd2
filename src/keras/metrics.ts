import type { Value } from '../core/ir.js'
import { sizeOf } from '../core/shape.js'
import type { GraphBuilder } from '../graph/builder.js'
import { camelKeys, invalid, isKerasObject, type KerasObject, snakeCase } from './config.js'
import { isLossName, type Loss, type LossFunction, resolveLoss } from './losses.js'

/** What a metric adds up over batches: graph values (flattened), or numbers known when the graph is written. */
export type MetricTerms = readonly (Value | number)[]

/** A number that is reported while training and evaluating: terms that add up over batches, and what they amount to. */
export class Metric {
  constructor(
    readonly name: string,
    /** Writes the terms of a batch; `weights` is [batch]. */
    readonly terms: (yTrue: Value, yPred: Value, weights: Value | undefined, emit: GraphBuilder) => MetricTerms,
    /** The metric's value from its terms' sums. */
    readonly result: (sums: ArrayLike<number>) => number,
  ) {}
}

export interface MetricOptions {
  readonly name?: string
}

/** Sum and weight of values, one or more for each sample. */
function meanTerms(values: Value, weights: Value | undefined, emit: GraphBuilder): MetricTerms {
  const count = sizeOf(values.shape as readonly number[])
  if (!weights) return [emit.sum(values), count]
  const perSample = count / (values.shape[0] as number)
  const spread = emit.reshape(weights, [values.shape[0] as number, ...values.shape.slice(1).map(() => 1)])
  return [emit.sum(emit.mul(values, spread)), emit.mul(emit.sum(weights), perSample)]
}

const ratio = (sums: ArrayLike<number>): number => (sums[1] === 0 ? 0 : sums[0] / sums[1])

/** The mean of a loss function's values over samples. */
const fromLoss = (name: string, loss: Loss, result = ratio): Metric =>
  new Metric(
    name,
    (yTrue, yPred, weights, emit) => {
      if (weights) return meanTerms(loss.perSample(yTrue, yPred, emit), weights, emit)
      return meanTerms(loss.values(loss.align(yTrue, yPred, emit), yPred, emit), undefined, emit)
    },
    result,
  )

const likeLoss =
  (lossName: string, result = ratio) =>
  (options: MetricOptions & Record<string, unknown> = {}): Metric =>
    fromLoss(
      options.name ?? lossName,
      resolveLoss({ class_name: lossName, config: { ...options, name: undefined } }),
      result,
    )

const matching =
  (name: string, matches: (yTrue: Value, yPred: Value, emit: GraphBuilder) => Value) =>
  (options: MetricOptions = {}): Metric =>
    new Metric(
      options.name ?? name,
      (yTrue, yPred, weights, emit) => meanTerms(emit.cast(matches(yTrue, yPred, emit), 'float32'), weights, emit),
      ratio,
    )

/** Targets reshaped to the predictions' shape. */
const sameRank = (yTrue: Value, yPred: Value, emit: GraphBuilder): Value =>
  emit.cast(
    yTrue.shape.length === yPred.shape.length ? yTrue : emit.reshape(yTrue, yPred.shape as readonly number[]),
    'float32',
  )

const labelsOf = (yTrue: Value, yPred: Value, emit: GraphBuilder): Value =>
  emit.cast(
    yTrue.shape.length === yPred.shape.length
      ? emit.reshape(yTrue, yTrue.shape.slice(0, -1) as readonly number[])
      : yTrue,
    'int32',
  )

/** The place of the largest element of the last axis, in the type that backends compare. */
const largest = (x: Value, emit: GraphBuilder): Value => emit.cast(emit.argMax(x), 'int32')

const binaryAccuracy = (options: MetricOptions & { threshold?: number } = {}): Metric =>
  matching('binary_accuracy', (yTrue, yPred, emit) => {
    const positive = emit.cast(emit.greater(yPred, options.threshold ?? 0.5), 'float32')
    return emit.equal(sameRank(yTrue, yPred, emit), positive)
  })(options)

const categoricalAccuracy = matching('categorical_accuracy', (yTrue, yPred, emit) =>
  emit.equal(largest(yTrue, emit), largest(yPred, emit)),
)

const sparseCategoricalAccuracy = matching('sparse_categorical_accuracy', (yTrue, yPred, emit) =>
  emit.equal(labelsOf(yTrue, yPred, emit), largest(yPred, emit)),
)

/** Which of the three accuracies (or crossentropies) fits: Keras's rule over the shapes. */
function kindOf(yTrue: Value, yPred: Value): 'binary' | 'sparse' | 'categorical' {
  const last = (value: Value) => value.shape[value.shape.length - 1]
  if (last(yPred) === 1) return 'binary'
  return yTrue.shape.length < yPred.shape.length || last(yTrue) === 1 ? 'sparse' : 'categorical'
}

const chosen = (name: string, kinds: Record<'binary' | 'sparse' | 'categorical', () => Metric>): Metric =>
  new Metric(
    name,
    (yTrue, yPred, weights, emit) => kinds[kindOf(yTrue, yPred)]().terms(yTrue, yPred, weights, emit),
    ratio,
  )

/** Sums of true positives and of another count, at a threshold. */
const counted =
  (name: string, other: 'predicted' | 'actual') =>
  (options: MetricOptions & { thresholds?: number | null } = {}): Metric =>
    new Metric(
      options.name ?? name,
      (yTrue, yPred, weights, emit) => {
        const target = sameRank(yTrue, yPred, emit)
        const positive = emit.cast(emit.greater(yPred, options.thresholds ?? 0.5), 'float32')
        const [hits] = meanTerms(emit.mul(target, positive), weights, emit)
        const [total] = meanTerms(other === 'predicted' ? positive : target, weights, emit)
        return [hits, total]
      },
      ratio,
    )

/** Metrics by their names in camelCase. */
export const metrics = {
  /** Binary, categorical or sparse, by the shapes of targets and predictions. */
  accuracy: (options: MetricOptions = {}): Metric =>
    chosen(options.name ?? 'accuracy', {
      binary: binaryAccuracy,
      sparse: sparseCategoricalAccuracy,
      categorical: categoricalAccuracy,
    }),
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  meanSquaredError: likeLoss('mean_squared_error'),
  rootMeanSquaredError: (options: MetricOptions = {}) =>
    likeLoss('mean_squared_error', (sums) => Math.sqrt(ratio(sums)))({
      ...options,
      name: options.name ?? 'root_mean_squared_error',
    }),
  meanAbsoluteError: likeLoss('mean_absolute_error'),
  meanAbsolutePercentageError: likeLoss('mean_absolute_percentage_error'),
  meanSquaredLogarithmicError: likeLoss('mean_squared_logarithmic_error'),
  binaryCrossentropy: likeLoss('binary_crossentropy'),
  categoricalCrossentropy: likeLoss('categorical_crossentropy'),
  sparseCategoricalCrossentropy: likeLoss('sparse_categorical_crossentropy'),
  precision: counted('precision', 'predicted'),
  recall: counted('recall', 'actual'),
  /** The mean of a function over graph values. */
  mean: (values: LossFunction, options: MetricOptions = {}): Metric =>
    fromLoss(options.name ?? (values.name || 'metric'), resolveLoss(values)),
} as const

const { mean: _, ...named } = metrics
const table = new Map<string, (options: never) => Metric>(
  Object.entries(named).map(([name, create]) => [snakeCase(name), create]),
)
table.set('acc', table.get('accuracy')!)
for (const name of ['crossentropy', 'ce'])
  table.set(name, () =>
    chosen(name, {
      binary: metrics.binaryCrossentropy,
      sparse: metrics.sparseCategoricalCrossentropy,
      categorical: metrics.categoricalCrossentropy,
    }),
  )

/** A name, a Metric, a function over graph values whose mean is taken, or Keras's serialised form. */
export type MetricLike = string | Metric | LossFunction | KerasObject

/** Resolves a name, a function, or a serialised metric; a string stays the metric's name. Throws INVALID_ARGUMENT. */
export function resolveMetric(like: MetricLike): Metric {
  if (like instanceof Metric) return like
  if (typeof like === 'function') return metrics.mean(like)
  const [name, config] = isKerasObject(like)
    ? [like.class_name, camelKeys(like.config)]
    : [like, { name: snakeCase(like) }]
  const key = snakeCase(name)
  const create = table.get(key)
  if (create) return create(config as never)
  if (isLossName(key)) return likeLoss(key)(config)
  throw invalid(`unknown metric '${name}'; known: ${[...table.keys()].join(', ')}, and the names of losses`)
}
