import { LanewiseError } from '../core/errors.js'
import { formatShape, normalizeAxis, sameShape } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { required, requireFloat, sameAsFloatInput, sameDType } from './infer.js'

const axisAttribute = { axis: { type: 'int', default: -1 } } as const

const alongAxis = (context: InferenceContext) => {
  normalizeAxis(intAttribute(context.attributes, 'axis'), required(context, 0).shape.length)
  return sameAsFloatInput(context)
}

/** Two operands of one shape [..., C]. */
const rows = (context: InferenceContext, first: number, second: number) => {
  const [a, b] = [requireFloat(required(context, first)), requireFloat(required(context, second))]
  sameDType([a, b])
  if (a.shape.length === 0 || a.shape.length !== b.shape.length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `operands must have one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
  if (
    a.shape.some((dim, axis) => typeof dim === 'number' && typeof b.shape[axis] === 'number' && dim !== b.shape[axis])
  )
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `operands must have one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    )
  return a
}

/** Softmax, its logarithm, and cross-entropy on logits. */
export const softmax = {
  Softmax: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: axisAttribute,
    traits: { inPlace: [0] },
    infer: alongAxis,
    gradient: ({ emit, outputs, attributes, gradient }) => [
      emit.op('lanewise.SoftmaxGradient', [gradient(0), outputs[0]], { axis: attributes.axis }),
    ],
  },
  LogSoftmax: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: axisAttribute,
    traits: { inPlace: [0] },
    infer: alongAxis,
    gradient: ({ emit, outputs, attributes, gradient }) => {
      const dy = gradient(0)!
      const total = emit.sum(dy, [intAttribute(attributes, 'axis')], true)
      return [emit.sub(dy, emit.mul(emit.exp(outputs[0]), total))]
    },
  },
  /** (dy, y) -> y (dy - sum(dy y)), the sum along `axis`. */
  'lanewise.SoftmaxGradient': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: axisAttribute,
    traits: { inPlace: [0] },
    infer: (context) => {
      const type = rows(context, 0, 1)
      normalizeAxis(intAttribute(context.attributes, 'axis'), type.shape.length)
      return [type]
    },
    gradient: ({ emit, inputs, attributes, gradient, needs }) => {
      const upstream = gradient(0)!
      const [dy, y] = [inputs[0]!, inputs[1]!]
      const axis = intAttribute(attributes, 'axis')
      const sumOf = (a: typeof dy, b: typeof dy) => emit.sum(emit.mul(a, b), [axis], true)
      return [
        needs(0) ? emit.op('lanewise.SoftmaxGradient', [upstream, y], { axis }) : undefined,
        needs(1)
          ? emit.sub(emit.mul(upstream, emit.sub(dy, sumOf(dy, y))), emit.mul(dy, sumOf(upstream, y)))
          : undefined,
      ]
    },
  },
  /** (logits [..., C], target [..., C]) -> loss [...] = -sum(target log p), probabilities p [..., C], over the last axis. */
  'lanewise.SoftmaxCrossEntropy': {
    since: 1,
    inputs: [2, 2],
    outputs: [2, 2],
    infer: (context) => {
      const type = rows(context, 0, 1)
      return [{ dtype: type.dtype, shape: type.shape.slice(0, -1) }, type]
    },
    gradient: ({ emit, inputs, outputs, gradient, needs }) => {
      const [dLoss, dProbabilities] = [gradient(0), gradient(1)]
      const target = inputs[1]!
      const column = () => emit.op('Unsqueeze', [dLoss, emit.ints([-1])])
      const byLoss =
        dLoss && needs(0) ? emit.op('lanewise.SoftmaxCrossEntropyGradient', [dLoss, outputs[1], target]) : undefined
      const byProbabilities =
        dProbabilities && needs(0) ? emit.op('lanewise.SoftmaxGradient', [dProbabilities, outputs[1]]) : undefined
      return [
        byLoss && byProbabilities ? emit.add(byLoss, byProbabilities) : (byLoss ?? byProbabilities),
        dLoss && needs(1) ? emit.neg(emit.mul(column(), emit.logSoftmax(inputs[0]!))) : undefined,
      ]
    },
    decompose: (emit, { inputs: [logits, target] }) => [
      emit.neg(emit.sum(emit.mul(target!, emit.logSoftmax(logits!)), [-1])),
      emit.softmax(logits!),
    ],
  },
  /** (dloss [...], p [..., C], target [..., C]) -> dlogits = dloss (p sum(target) - target). */
  'lanewise.SoftmaxCrossEntropyGradient': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    traits: { inPlace: [1] },
    infer: (context) => {
      const type = rows(context, 1, 2)
      const loss = required(context, 0)
      if (!sameShape(loss.shape, type.shape.slice(0, -1)))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `the loss gradient has the shape ${formatShape(loss.shape)}, needs ${formatShape(type.shape.slice(0, -1))}`,
        )
      sameDType([loss, type])
      return [type]
    },
    gradient: null,
  },
} as const satisfies Record<string, OpDefinition>
