import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { oneHot } from '../losses/classes.js'
import { labelsOf, Metric, type MetricOptions, meanTerms, ratio, sameRank } from './metric.js'

type Matches = (yTrue: Value, yPred: Value, emit: GraphBuilder) => Value

/** The share of samples that match. */
const matching = (
  className: string,
  name: string,
  matches: Matches,
  config: Readonly<Record<string, unknown>> = {},
): Metric =>
  new Metric(
    name,
    (yTrue, yPred, weights, emit) => meanTerms(emit.cast(matches(yTrue, yPred, emit), 'float32'), weights, emit),
    ratio,
    className,
    config,
  )

/** The place of the largest element of the last axis, in the type that backends compare. */
export const largest = (x: Value, emit: GraphBuilder, axis = -1): Value => emit.cast(emit.argMax(x, axis), 'int32')

const binaryAccuracy = ({
  name = 'binary_accuracy',
  threshold = 0.5,
}: MetricOptions & { threshold?: number } = {}): Metric =>
  matching(
    'BinaryAccuracy',
    name,
    (yTrue, yPred, emit) => {
      const [target, prediction] = sameRank(yTrue, yPred, emit)
      return emit.equal(target, emit.cast(emit.greater(prediction, threshold), 'float32'))
    },
    { threshold },
  )

const categoricalAccuracy = ({ name = 'categorical_accuracy' }: MetricOptions = {}): Metric =>
  matching('CategoricalAccuracy', name, (yTrue, yPred, emit) => emit.equal(largest(yTrue, emit), largest(yPred, emit)))

const sparseCategoricalAccuracy = ({ name = 'sparse_categorical_accuracy' }: MetricOptions = {}): Metric =>
  matching('SparseCategoricalAccuracy', name, (yTrue, yPred, emit) =>
    emit.equal(labelsOf(yTrue, yPred, emit), largest(yPred, emit)),
  )

export type Kind = 'binary' | 'sparse' | 'categorical'

/** Which of the three accuracies (or crossentropies) fits: Keras's rule over the shapes. */
function kindOf(yTrue: Value, yPred: Value): Kind {
  const last = (value: Value) => value.shape[value.shape.length - 1]
  if (last(yPred) === 1) return 'binary'
  return yTrue.shape.length < yPred.shape.length || last(yTrue) === 1 ? 'sparse' : 'categorical'
}

/** The metric that fits targets and predictions. */
export const chosen = (name: string, kinds: Record<Kind, () => Metric>): Metric =>
  new Metric(
    name,
    (yTrue, yPred, weights, emit) => kinds[kindOf(yTrue, yPred)]().terms(yTrue, yPred, weights, emit),
    ratio,
  )

export interface TopKOptions extends MetricOptions {
  readonly k?: number
}

/** Whether fewer than k classes score higher than the labelled one. */
const topK = (labelled: Value, yPred: Value, k: number, emit: GraphBuilder): Value => {
  const score = emit.sum(emit.mul(labelled, yPred), [-1], true)
  return emit.less(emit.sum(emit.cast(emit.greater(yPred, score), 'float32'), [-1]), k)
}

export const accuracies = {
  /** Binary, categorical or sparse, by the shapes of targets and predictions, as Keras's 'accuracy'. */
  accuracy: ({ name = 'accuracy' }: MetricOptions = {}): Metric =>
    chosen(name, {
      binary: binaryAccuracy,
      sparse: sparseCategoricalAccuracy,
      categorical: categoricalAccuracy,
    }),
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  topKCategoricalAccuracy: ({ k = 5, name = 'top_k_categorical_accuracy' }: TopKOptions = {}): Metric =>
    matching(
      'TopKCategoricalAccuracy',
      name,
      (yTrue, yPred, emit) => topK(oneHot(largest(yTrue, emit), yPred.shape.at(-1) as number, emit), yPred, k, emit),
      { k },
    ),
  /** With `fromSortedIds`, predictions are class numbers, the likeliest first. */
  sparseTopKCategoricalAccuracy: (options: TopKOptions & { readonly fromSortedIds?: boolean } = {}): Metric => {
    const { k = 5, name = 'sparse_top_k_categorical_accuracy', fromSortedIds = false } = options
    const matches: Matches = (yTrue, yPred, emit) => {
      const labels = labelsOf(yTrue, yPred, emit)
      if (!fromSortedIds) return topK(oneHot(labels, yPred.shape.at(-1) as number, emit), yPred, k, emit)
      const firsts = emit.op('Slice', [yPred, emit.ints([0]), emit.ints([k]), emit.ints([-1])])
      const column = emit.reshape(labels, [...(labels.shape as readonly number[]), 1])
      const hits = emit.cast(emit.equal(emit.cast(firsts, 'int32'), column), 'float32')
      return emit.greater(emit.sum(hits, [-1]), 0)
    }
    return matching('SparseTopKCategoricalAccuracy', name, matches, {
      k,
      ...(fromSortedIds && { from_sorted_ids: true }),
    })
  },
} as const
