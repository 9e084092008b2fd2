import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import {
  type Aggregation,
  aggregationOf,
  type classical,
  forestOf,
  labelsOf,
  postTransformOf,
} from '../../ops/classical.js'
import { type Forest, floatsOf } from '../../ops/forest.js'
import type { ReferenceContext, ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { indexOfLargest, transformScores, twoScores } from './scores.js'
import { svmClassifier, svmRegressor } from './svm.js'

/** The leaf that a row ends at in the tree of `root`. */
function leafOf(forest: Forest, root: number, row: Float64Array): number {
  let place = root
  while (place >= 0) {
    const value = row[forest.features[place]]
    const taken = Number.isNaN(value) ? forest.missingIsTrue[place] : holds(forest, place, value)
    place = (taken ? forest.onTrue : forest.onFalse)[place]
  }
  return ~place
}

function holds({ comparisons, thresholds, members }: Forest, node: number, value: number): boolean {
  const threshold = thresholds[node]
  switch (comparisons[node]) {
    case 'LEQ':
      return value <= threshold
    case 'LT':
      return value < threshold
    case 'GTE':
      return value >= threshold
    case 'GT':
      return value > threshold
    case 'EQ':
      return value === threshold
    case 'NEQ':
      return value !== threshold
    case 'MEMBER':
      return members[node]!.has(value)
  }
}

/** The rows of [N, F] or [F]. */
function rowsOf(x: Tensor): Float64Array[] {
  const values = numbersOf(x)
  const features = x.dims[x.dims.length - 1]
  const rows = x.dims.length === 2 ? x.dims[0] : 1
  return Array.from({ length: rows }, (_, row) => values.subarray(row * features, (row + 1) * features))
}

/** The scores of a row for `targets` targets; undefined for one that no leaf votes for. */
function vote(forest: Forest, row: Float64Array, targets: number, aggregation: Aggregation): (number | undefined)[] {
  const scores = new Array<number | undefined>(targets).fill(undefined)
  for (const root of forest.roots) {
    const leaf = leafOf(forest, root, row)
    for (let at = forest.voteStart[leaf]; at < forest.voteStart[leaf + 1]; at++) {
      const [target, weight] = [forest.voteTargets[at], forest.voteWeights[at]]
      const score = scores[target]
      if (score === undefined) scores[target] = weight
      else if (aggregation === 'MIN') scores[target] = Math.min(score, weight)
      else if (aggregation === 'MAX') scores[target] = Math.max(score, weight)
      else scores[target] = score + weight
    }
  }
  if (aggregation !== 'AVERAGE') return scores
  return scores.map((score) => score && score / forest.roots.length)
}

const regress = (
  { inputs: [x], outputs: [{ dtype, shape }], attributes }: ReferenceContext,
  forest: Forest,
  base: readonly number[],
): readonly Tensor[] => {
  const targets = concrete(shape)[1]
  const transform = postTransformOf(attributes)
  const rows = rowsOf(x!).map((row) =>
    transformScores(
      vote(forest, row, targets, aggregationOf(attributes)).map((score, target) => (score ?? 0) + (base[target] ?? 0)),
      transform,
    ),
  )
  return [tensorOf(dtype, rows.flat(), shape)]
}

const classify: ReferenceKernel = ({ inputs: [x], outputs: [labelType, scoreType], attributes }) => {
  const forest = forestOf.TreeEnsembleClassifier(attributes)
  const labels = labelsOf(attributes)
  const base = floatsOf(attributes, 'base_values')
  const transform = postTransformOf(attributes)
  // Two classes of which the leaves know one: its score decides.
  const single = labels.length === 2 && new Set(forest.voteTargets).size === 1
  const positive = forest.voteWeights.every((weight) => weight >= 0)
  const rows = rowsOf(x!).map((row) => {
    const votes = vote(forest, row, labels.length, 'SUM')
    if (!single) {
      const scores = votes.map((score, target) => (score ?? 0) + (base[target] ?? 0))
      // A class without a vote is not chosen.
      const candidates = scores.map((score, target) =>
        votes[target] === undefined && base.length === 0 ? Number.NEGATIVE_INFINITY : score,
      )
      return { label: indexOfLargest(candidates), scores: transformScores(scores, transform) }
    }
    const score = (votes[0] ?? votes[1] ?? 0) + (base[1] ?? base[0] ?? 0)
    return { label: score > (positive ? 0.5 : 0) ? 1 : 0, scores: twoScores(score, positive, transform) }
  })
  return [
    new Tensor(
      labelType.dtype,
      rows.map(({ label }) => labels[label]),
      concrete(labelType.shape),
    ),
    tensorOf(
      scoreType.dtype,
      rows.flatMap(({ scores }) => scores),
      scoreType.shape,
    ),
  ]
}

export const classicalKernels = {
  'ai.onnx.ml.TreeEnsemble': (context) => regress(context, forestOf.TreeEnsemble(context.attributes), []),
  'ai.onnx.ml.TreeEnsembleRegressor': (context) =>
    regress(context, forestOf.TreeEnsembleRegressor(context.attributes), floatsOf(context.attributes, 'base_values')),
  'ai.onnx.ml.TreeEnsembleClassifier': classify,
  'ai.onnx.ml.SVMRegressor': svmRegressor,
  'ai.onnx.ml.SVMClassifier': svmClassifier,
} as const satisfies Record<keyof typeof classical, ReferenceKernel>
