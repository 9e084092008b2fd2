import type { NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { formatShape, normalizeAxis } from '../core/shape.js'
import { inputShape, positions, unsqueeze } from './compose.js'
import { type AttributeSchema, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat, sameAsInput } from './infer.js'

const lossAttributes = {
  ignore_index: { type: 'int' },
  reduction: { type: 'string', default: 'mean' },
} as const satisfies Record<string, AttributeSchema>

function inferLoss(context: InferenceContext): TensorType {
  const scores = requireFloat(required(context, 0))
  const labels = required(context, 1)
  const { reduction } = context.attributes
  if (reduction !== 'none' && reduction !== 'mean' && reduction !== 'sum')
    throw new LanewiseError('INVALID_MODEL', `reduction must be none, mean or sum, got '${reduction}'`)
  if (scores.shape.length < 2 || labels.shape.length !== scores.shape.length - 1)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `takes scores [N, C, …] and labels [N, …], got ${formatShape(scores.shape)} and ${formatShape(labels.shape)}`,
    )
  return { dtype: scores.dtype, shape: reduction === 'none' ? labels.shape : [] }
}

/** -weight[label] logProbability[label], reduced; elements whose label is ignore_index count neither above nor below. */
function negativeLogLikelihood(emit: Emitter, { inputs, attributes }: Node, logProbabilities: Value, classes: number) {
  const [, labels, weights] = inputs as [Value, Value, Value | undefined]
  const rank = logProbabilities.shape.length
  const dtype = logProbabilities.dtype as NumericDType
  const ignore = attributes['ignore_index'] as number | undefined
  const ignored = ignore === undefined ? undefined : emit.equal(labels, ignore)
  const safe = ignored ? emit.where(ignored, 0, labels) : labels
  const classOf = positions(emit, classes, 1, rank, labels.dtype as NumericDType)
  const chosen = emit.equal(unsqueeze(emit, safe, 1), classOf)
  const losses = emit.neg(emit.sum(emit.where(chosen, logProbabilities, 0), [1]))
  const perLabel = weights ? emit.gather(weights, safe) : undefined
  const counted = ignored ? emit.where(ignored, 0, perLabel ?? emit.scalar(1, dtype)) : perLabel
  const weighted = counted ? emit.mul(losses, counted) : losses
  if (attributes['reduction'] === 'none') return weighted
  if (attributes['reduction'] === 'sum') return emit.sum(weighted)
  return counted ? emit.div(emit.sum(weighted), emit.sum(counted)) : emit.mean(weighted)
}

/** Losses on class labels, and the one-hot maximum. */
export const losses = {
  /** logProbabilities [N, C, …], labels [N, …], weights? [C] -> loss [N, …], or a scalar. */
  NegativeLogLikelihoodLoss: {
    since: 13,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: lossAttributes,
    infer: (context) => [inferLoss(context)],
    decompose: (emit, node) => [negativeLogLikelihood(emit, node, node.inputs[0]!, inputShape(node)[1])],
  },

  /** scores [N, C, …], labels [N, …], weights? [C] -> loss [N, …] or a scalar, and log-probabilities [N, C, …]. */
  SoftmaxCrossEntropyLoss: {
    since: 13,
    inputs: [2, 3],
    outputs: [1, 2],
    attributes: lossAttributes,
    infer: (context) => [inferLoss(context), requireFloat(required(context, 0))],
    decompose: (emit, node) => {
      const logProbabilities = emit.logSoftmax(node.inputs[0]!, 1)
      return [negativeLogLikelihood(emit, node, logProbabilities, inputShape(node)[1]), logProbabilities]
    },
  },

  /** 1 at the first maximum along `axis`, 0 elsewhere. */
  Hardmax: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: -1 } },
    infer: (context) => {
      normalizeAxis(intAttribute(context.attributes, 'axis'), required(context, 0).shape.length)
      return sameAsInput(context)
    },
    decompose: (emit, node) => {
      const shape = inputShape(node)
      const axis = normalizeAxis(intAttribute(node.attributes, 'axis'), shape.length)
      const first = emit.op('ArgMax', [node.inputs[0]], { axis, keepdims: 1 })
      const hits = emit.equal(first, positions(emit, shape[axis], axis, shape.length, 'int64'))
      return [emit.cast(hits, node.inputs[0]!.dtype as NumericDType)]
    },
  },
} as const satisfies Record<string, OpDefinition>
