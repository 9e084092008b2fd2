import type { Node } from '../../../core/ir.js'
import { concrete } from '../../../core/shape.js'
import {
  aggregationOf,
  aggregations,
  forestOf,
  labelsOf,
  type PostTransform,
  postTransformOf,
} from '../../../ops/classical.js'
import { comparisons, type Forest, floatsOf } from '../../../ops/forest.js'
import { activationKinds } from '../activations.js'
import { type KernelCall, kernels } from '../gen/kernels.js'
import type { Lowering } from './lowering.js'
import { softmaxCalls } from './softmax.js'
import { CHUNK, cut } from './tiles.js'

type TreeOp = keyof typeof forestOf

/** What a tree op does with its forest's votes. */
interface Ensemble {
  readonly forest: Forest
  readonly base: readonly number[]
  readonly aggregation: number
  /** The labels to choose from; none for regressors. */
  readonly labels: readonly (number | string)[]
  readonly transform: PostTransform
}

function ensembleOf({ op, attributes }: Node): Ensemble {
  const name = op.slice('ai.onnx.ml.'.length) as TreeOp
  const isClassifier = name === 'TreeEnsembleClassifier'
  return {
    forest: forestOf[name](attributes),
    base: name === 'TreeEnsemble' ? [] : floatsOf(attributes, 'base_values'),
    aggregation: aggregations.indexOf(isClassifier ? 'SUM' : aggregationOf(attributes)),
    labels: isClassifier ? labelsOf(attributes) : [],
    transform: postTransformOf(attributes),
  }
}

const isFloat32Number = (value: number): boolean => Number.isNaN(value) || Math.fround(value) === value
const bitsOf = (values: readonly number[]): number[] => [...new Int32Array(Float32Array.from(values).buffer)]
const wordsOf = (label: number): number[] => {
  const bits = BigInt(label)
  return [Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n))]
}

/** The list of `forest_f32` after its fields. */
function listOf({ forest, labels }: Ensemble, base: readonly number[]): number[] {
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
    ...bitsOf(base),
    ...(labels as readonly number[]).flatMap(wordsOf),
  ]
}

const cutRows = (rows: number, { roots }: Forest) =>
  cut(rows, Math.max(1, Math.floor(CHUNK / (8 * (roots.length + 1)))))

const scoresOf = (node: Node) => node.outputs[node.outputs.length - 1]

/** Trees over float32 whose thresholds and weights are float32, too. */
const trees: Lowering = {
  accelerates(node) {
    if (node.inputs[0]!.dtype !== 'float32' || scoresOf(node).dtype !== 'float32') return false
    const { forest, labels, base, transform } = ensembleOf(node)
    return (
      labels.every((label) => typeof label === 'number') &&
      forest.members.every((set) => set === undefined) &&
      [...Array.from(forest.thresholds), ...forest.voteWeights, ...base].every(isFloat32Number) &&
      ['NONE', 'LOGISTIC', 'SOFTMAX'].includes(transform)
    )
  },
  workspace(node) {
    const [rows, targets] = concrete(scoresOf(node).shape)
    return cutRows(rows, ensembleOf(node).forest).tiles * targets * 16
  },
  lower(node, { address, workspace }) {
    const ensemble = ensembleOf(node)
    const { forest, base, labels, transform } = ensemble
    const x = node.inputs[0]!
    const scores = address(scoresOf(node))
    const [rows, targets] = concrete(scoresOf(node).shape)
    if (rows * targets === 0) return []
    const { chunk, tiles } = cutRows(rows, forest)
    // Two classes of which the leaves know one: its score decides.
    const isSingle = labels.length === 2 && new Set(forest.voteTargets).size === 1
    const positive = forest.voteWeights.every((weight) => weight >= 0)
    const bases = isSingle
      ? [base[1] ?? base[0] ?? 0, 0]
      : Array.from({ length: targets }, (_, target) => base[target] ?? 0)
    const call = kernels.forest_f32(
      {
        x: address(x),
        scores,
        labels: labels.length > 0 ? address(node.outputs[0]) : 0,
        workspace,
        rows,
        chunk,
        features: concrete(x.shape)[x.shape.length - 1],
        targets,
        trees: forest.roots.length,
        nodes: forest.features.length,
        leaves: forest.voteStart.length - 1,
        votes: forest.voteWeights.length,
        aggregation: ensemble.aggregation,
        decision: labels.length === 0 ? 0 : !isSingle ? 1 : positive ? 2 : 3,
        voters: base.length === 0 ? 1 : 0,
        complement: positive && transform !== 'LOGISTIC' ? 1 : 0,
      },
      tiles,
      listOf(ensemble, bases),
    )
    return [call, ...transformCalls(transform, isSingle, scores, rows, targets)]
  },
}

/** What the post_transform does to scores [rows, targets], in place; decisions between two classes know no softmax. */
function transformCalls(
  transform: PostTransform,
  isSingle: boolean,
  scores: number,
  rows: number,
  targets: number,
): readonly KernelCall[] {
  if (transform === 'SOFTMAX' && !isSingle) return softmaxCalls(scores, scores, rows, targets)
  if (transform !== 'LOGISTIC') return []
  const size = rows * targets
  const { chunk, tiles } = cut(size)
  const p = { x: scores, y: scores, size, chunk, kind: activationKinds.sigmoid, alpha: 0, beta: 0 }
  return [kernels.unary_f32(p, tiles)]
}

export const forestLowerings = {
  'ai.onnx.ml.TreeEnsemble': trees,
  'ai.onnx.ml.TreeEnsembleRegressor': trees,
  'ai.onnx.ml.TreeEnsembleClassifier': trees,
} as const satisfies Record<`ai.onnx.ml.${TreeOp}`, Lowering>
