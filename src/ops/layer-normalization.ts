import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { formatShape, normalizeAxis } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { required, requireFloat } from './infer.js'

function inferLayerNormalization(context: InferenceContext): TensorType[] {
  const x = requireFloat(required(context, 0))
  const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), x.shape.length)
  for (const operand of context.inputs.slice(1))
    if (operand && operand.shape.length > x.shape.length - axis)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `scale and bias ${formatShape(operand.shape)} must broadcast to ${formatShape(x.shape.slice(axis))}`,
      )
  const statistics: TensorType = {
    dtype: x.dtype === 'float64' ? 'float64' : 'float32',
    shape: x.shape.map((dim, at) => (at < axis ? dim : 1)),
  }
  return [x, statistics, statistics]
}

export const layerNormalization = {
  /** x, scale, bias? -> y, and the mean and the inverse standard deviation over the axes from `axis` on. */
  LayerNormalization: {
    since: 17,
    inputs: [2, 3],
    outputs: [1, 3],
    attributes: {
      axis: { type: 'int', default: -1 },
      epsilon: { type: 'float', default: 1e-5 },
      stash_type: { type: 'int', default: 1 },
    },
    traits: { weights: [1, 2] },
    infer: inferLayerNormalization,
  },
} as const satisfies Record<string, OpDefinition>
