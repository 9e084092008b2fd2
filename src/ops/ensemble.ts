import type { Node } from '../core/ir.js'
import { aggregationOf, aggregations, forestOf, labelsOf, type PostTransform, postTransformOf } from './classical.js'
import { comparisons, type Forest, floatsOf } from './forest.js'

/** The ops of trees. */
export type TreeOp = keyof typeof forestOf

/** How a label is chosen: `none` for regressors; the largest score; or of two labels by the one score of all votes, above 0.5 or 0. */
export const decisions = ['none', 'largest', 'aboveHalf', 'aboveZero'] as const

/** What a tree op does with its forest's votes. */
export interface Ensemble {
  readonly forest: Forest
  /** As given, and one for each target. */
  readonly base: readonly number[]
  readonly bases: readonly number[]
  /** A place in `aggregations`. */
  readonly aggregation: number
  /** The labels to choose from; none for regressors. */
  readonly labels: readonly (number | string)[]
  readonly transform: PostTransform
  readonly decision: (typeof decisions)[number]
  /** Whether only targets with a vote are chosen. */
  readonly voters: boolean
  /** Whether the scores of a decision by one score s are 1 - s and s, not -s and s. */
  readonly complement: boolean
}

/** Reads a tree op of `targets` scores a row. Throws INVALID_MODEL. */
export function ensembleOf({ op, attributes }: Node, targets: number): Ensemble {
  const name = op.slice('ai.onnx.ml.'.length) as TreeOp
  const isClassifier = name === 'TreeEnsembleClassifier'
  const forest = forestOf[name](attributes)
  const base = name === 'TreeEnsemble' ? [] : floatsOf(attributes, 'base_values')
  const labels = isClassifier ? labelsOf(attributes) : []
  const transform = postTransformOf(attributes)
  // Two classes of which the leaves know one: its score decides.
  const isSingle = labels.length === 2 && new Set(forest.voteTargets).size === 1
  const positive = forest.voteWeights.every((weight) => weight >= 0)
  return {
    forest,
    base,
    bases: isSingle ? [base[1] ?? base[0] ?? 0, 0] : Array.from({ length: targets }, (_, target) => base[target] ?? 0),
    aggregation: aggregations.indexOf(isClassifier ? 'SUM' : aggregationOf(attributes)),
    labels,
    transform,
    decision: labels.length === 0 ? 'none' : !isSingle ? 'largest' : positive ? 'aboveHalf' : 'aboveZero',
    voters: base.length === 0,
    complement: positive && transform !== 'LOGISTIC',
  }
}

const isFloat32Number = (value: number): boolean => Number.isNaN(value) || Math.fround(value) === value

/** Whether thresholds, weights and labels are numbers of float32 and integers, and the transform is a plain one. */
export const isPlain = ({ forest, labels, base, transform }: Ensemble): boolean =>
  labels.every((label) => typeof label === 'number') &&
  forest.members.every((set) => set === undefined) &&
  [...Array.from(forest.thresholds), ...forest.voteWeights, ...base].every(isFloat32Number) &&
  ['NONE', 'LOGISTIC', 'SOFTMAX'].includes(transform)

const bitsOf = (values: readonly number[]): number[] => [...new Int32Array(Float32Array.from(values).buffer)]
const wordsOf = (label: number): number[] => {
  const bits = BigInt(label)
  return [Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n))]
}

/**
 * A plain ensemble as words: the roots; five a node (feature, threshold, branch where the comparison holds, branch where it does
 * not, comparison and 8 where NaN takes the first); where the votes of each leaf begin, and their end; two a vote (target,
 * weight); a base for each target; two a label. A branch is a node, or ~leaf.
 */
export function wordsOfEnsemble({ forest, labels, bases }: Ensemble): number[] {
  const [thresholds, weights] = [bitsOf(Array.from(forest.thresholds)), bitsOf(forest.voteWeights)]
  return [
    ...forest.roots,
    ...forest.features.flatMap((feature, node) => [
      feature,
      thresholds[node],
      forest.onTrue[node],
      forest.onFalse[node],
      comparisons.indexOf(forest.comparisons[node]) + (forest.missingIsTrue[node] ? 8 : 0),
    ]),
    ...forest.voteStart,
    ...forest.voteTargets.flatMap((target, vote) => [target, weights[vote]]),
    ...bitsOf(bases),
    ...(labels as readonly number[]).flatMap(wordsOf),
  ]
}
