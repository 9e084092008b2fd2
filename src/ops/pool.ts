import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { formatShape, type Shape } from '../core/shape.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import { required } from './infer.js'
import { toChannelsLast, windowAttributes, windowOutput } from './window.js'

const poolAttributes = {
  ...windowAttributes,
  ceil_mode: { type: 'int', default: 0 },
  kernel_shape: { type: 'ints', required: true },
} as const satisfies Record<string, AttributeSchema>

export const maxAttributes = {
  ...poolAttributes,
  storage_order: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

export const averageAttributes = {
  ...poolAttributes,
  count_include_pad: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

function poolShape(attributes: Attributes, [batch, channels, ...spatial]: Shape): Shape {
  if (spatial.length === 0)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a pool takes [N, C, …spatial], got ${formatShape(channels === undefined ? [] : [batch, channels])}`,
    )
  return [batch, channels, ...windowOutput(attributes, intsAttribute(attributes, 'kernel_shape')!, spatial, true)]
}

function inferPool(context: InferenceContext): TensorType {
  const { dtype, shape } = required(context, 0)
  return { dtype, shape: poolShape(context.attributes, shape) }
}

function inferPoolNhwc(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const channelsFirst = [shape[0], shape[shape.length - 1], ...shape.slice(1, -1)]
  return [{ dtype, shape: toChannelsLast(poolShape(context.attributes, channelsFirst)) }]
}

function inferGlobal(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  if (shape.length < 3) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …spatial], got ${formatShape(shape)}`)
  return [{ dtype, shape: shape.map((dim, axis) => (axis < 2 ? dim : 1)) }]
}

export const pool = {
  /** The second output holds int64 indices into the whole flattened input. */
  MaxPool: {
    since: 12,
    inputs: [1, 1],
    outputs: [1, 2],
    attributes: maxAttributes,
    traits: { channelsLast: { op: 'lanewise.MaxPoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: (context) => {
      const y = inferPool(context)
      return [y, { dtype: 'int64', shape: y.shape }]
    },
  },

  /** x [N, …, C] -> y; pads are explicit. */
  'lanewise.MaxPoolNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: maxAttributes,
    infer: inferPoolNhwc,
    gradientUnknown: true,
  },

  AveragePool: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageAttributes,
    traits: { channelsLast: { op: 'lanewise.AveragePoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: (context) => [inferPool(context)],
  },

  /** x [N, …, C] -> y; pads are explicit. */
  'lanewise.AveragePoolNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageAttributes,
    infer: inferPoolNhwc,
    gradientUnknown: true,
  },

  GlobalAveragePool: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { channelsLast: { op: 'lanewise.AveragePoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferGlobal,
  },

  GlobalMaxPool: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { channelsLast: { op: 'lanewise.MaxPoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferGlobal,
  },
} as const satisfies Record<string, OpDefinition>
