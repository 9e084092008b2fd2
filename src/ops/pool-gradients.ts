import type { TensorType } from '../core/ir.js'
import {
  type AttributeSchema,
  type InferenceContext,
  intsAttribute,
  type OpDefinition,
  type Routing,
} from './definition.js'
import { required } from './infer.js'
import { averageAttributes, maxAttributes } from './pool.js'

const averageGradient = {
  ...averageAttributes,
  input_shape: { type: 'ints', required: true },
} as const satisfies Record<string, AttributeSchema>

const inferLikeX = (context: InferenceContext): TensorType[] => {
  const { dtype, shape } = required(context, 1)
  return [{ dtype, shape }]
}

const inferInputShape = (context: InferenceContext): TensorType[] => [
  { dtype: required(context, 0).dtype, shape: intsAttribute(context.attributes, 'input_shape')! },
]

/** The gradient of a maximum goes to the place of that maximum; a window that lies in the padding has none. */
const routing = (axes: (rank: number) => readonly number[]): Routing => ({
  from: 0,
  at: 1,
  by: 2,
  axes,
  isComplete: ({ auto_pad, ceil_mode, pads }) =>
    auto_pad === 'NOTSET' && ceil_mode === 0 && ((pads ?? []) as readonly number[]).every((pad) => pad === 0),
})

const between = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i)

/** The gradients of pools. */
export const poolGradients = {
  /** dy, x, y -> dx: the first maximum of a window, in row-major order, takes its gradient. */
  'lanewise.MaxPoolGradient': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: maxAttributes,
    traits: {
      channelsLast: { op: 'lanewise.MaxPoolGradientNhwc', inputs: ['data', 'data', 'data'], outputs: ['data'] },
      routes: routing((rank) => between(2, rank)),
    },
    infer: inferLikeX,
    gradientUnknown: true,
  },

  'lanewise.MaxPoolGradientNhwc': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: maxAttributes,
    traits: { routes: routing((rank) => between(1, rank - 1)) },
    infer: inferLikeX,
    gradientUnknown: true,
  },

  /** dy -> dx of shape input_shape. */
  'lanewise.AveragePoolGradient': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageGradient,
    traits: { channelsLast: { op: 'lanewise.AveragePoolGradientNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferInputShape,
  },

  'lanewise.AveragePoolGradientNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageGradient,
    infer: inferInputShape,
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
