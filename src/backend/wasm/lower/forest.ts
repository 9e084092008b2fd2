import type { Node } from '../../../core/ir.js'
import { concrete } from '../../../core/shape.js'
import type { PostTransform } from '../../../ops/classical.js'
import { decisions, ensembleOf, isPlain, type TreeOp, wordsOfEnsemble } from '../../../ops/ensemble.js'
import type { Forest } from '../../../ops/forest.js'
import { activationKinds } from '../activations.js'
import { unary_f32 } from '../gen/elementwise.js'
import type { KernelCall } from '../gen/kernels.js'
import { forest_f32 } from '../gen/rare-forest.js'
import type { Lowering } from './lowering.js'
import { softmaxCalls } from './softmax.js'
import { CHUNK, cut } from './tiles.js'

const cutRows = (rows: number, { roots }: Forest) =>
  cut(rows, Math.max(1, Math.floor(CHUNK / (8 * (roots.length + 1)))))

const scoresOf = (node: Node) => node.outputs[node.outputs.length - 1]

const targetsOf = (node: Node): number => concrete(scoresOf(node).shape)[1]

/** Trees over float32 whose thresholds and weights are float32, too. */
const trees: Lowering = {
  accelerates: (node) =>
    node.inputs[0]!.dtype === 'float32' &&
    scoresOf(node).dtype === 'float32' &&
    isPlain(ensembleOf(node, targetsOf(node))),
  workspace(node) {
    const [rows, targets] = concrete(scoresOf(node).shape)
    return cutRows(rows, ensembleOf(node, targets).forest).tiles * targets * 16
  },
  lower(node, { address, workspace }) {
    const x = node.inputs[0]!
    const scores = address(scoresOf(node))
    const [rows, targets] = concrete(scoresOf(node).shape)
    if (rows * targets === 0) return []
    const ensemble = ensembleOf(node, targets)
    const { forest, labels, transform, aggregation, decision } = ensemble
    const { chunk, tiles } = cutRows(rows, forest)
    const call = forest_f32(
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
        aggregation,
        decision: decisions.indexOf(decision),
        voters: ensemble.voters ? 1 : 0,
        complement: ensemble.complement ? 1 : 0,
      },
      tiles,
      wordsOfEnsemble(ensemble),
    )
    const isSingle = decision === 'aboveHalf' || decision === 'aboveZero'
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
  return [unary_f32(p, tiles)]
}

export const forestLowerings = {
  'ai.onnx.ml.TreeEnsemble': trees,
  'ai.onnx.ml.TreeEnsembleRegressor': trees,
  'ai.onnx.ml.TreeEnsembleClassifier': trees,
} as const satisfies Record<`ai.onnx.ml.${TreeOp}`, Lowering>
