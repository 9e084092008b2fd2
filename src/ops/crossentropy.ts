import { LanewiseError } from '../core/errors.js'
import { formatShape, normalizeAxis, sameShape } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { required, requireFloat, sameDType } from './infer.js'
import { axisAttribute } from './softmax.js'

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

/** Cross-entropy on logits, its gradient, and that of Softmax. */
export const crossEntropy = {
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
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
