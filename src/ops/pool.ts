import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { concrete, formatShape, type Shape, sizeOf } from '../core/shape.js'
import {
  type AttributeSchema,
  type GradientContext,
  type InferenceContext,
  intsAttribute,
  type OpDefinition,
  type Routing,
} from './definition.js'
import { required } from './infer.js'
import { explicitWindow, toChannelsLast, windowAttributes, windowOutput } from './window.js'

const poolAttributes = {
  ...windowAttributes,
  ceil_mode: { type: 'int', default: 0 },
  kernel_shape: { type: 'ints', required: true },
} as const satisfies Record<string, AttributeSchema>

const maxAttributes = {
  ...poolAttributes,
  storage_order: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

const averageAttributes = {
  ...poolAttributes,
  count_include_pad: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

const averageGradientAttributes = {
  ...averageAttributes,
  input_shape: { type: 'ints', required: true },
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

const inferLikeX = (context: InferenceContext): TensorType[] => {
  const { dtype, shape } = required(context, 1)
  return [{ dtype, shape }]
}

const inferInputShape = (context: InferenceContext): TensorType[] => [
  { dtype: required(context, 0).dtype, shape: intsAttribute(context.attributes, 'input_shape')! },
]

function globalMaxGradient({ emit, node, inputs: [x], outputs: [y], gradient }: GradientContext) {
  const kernel = concrete(x!.shape.slice(2), `the input of ${node.name}`)
  return [emit.op('lanewise.MaxPoolGradient', [gradient(0), x, y], { kernel_shape: kernel })]
}

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
    gradient: ({ emit, node, inputs, outputs, gradient }) => [
      gradient(0) && emit.op('lanewise.MaxPoolGradient', [gradient(0), inputs[0], outputs[0]], explicitWindow(node)),
    ],
  },

  /** x [N, …, C] -> y; pads are explicit. */
  'lanewise.MaxPoolNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: maxAttributes,
    infer: inferPoolNhwc,
    gradient: null,
  },

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
    gradient: null,
  },

  'lanewise.MaxPoolGradientNhwc': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: maxAttributes,
    traits: { routes: routing((rank) => between(1, rank - 1)) },
    infer: inferLikeX,
    gradient: null,
  },

  AveragePool: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageAttributes,
    traits: { channelsLast: { op: 'lanewise.AveragePoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: (context) => [inferPool(context)],
    gradient: ({ emit, node, inputs, gradient }) => [
      emit.op('lanewise.AveragePoolGradient', [gradient(0)], {
        ...explicitWindow(node),
        input_shape: concrete(inputs[0]!.shape, `the input of ${node.name}`),
      }),
    ],
  },

  /** x [N, …, C] -> y; pads are explicit. */
  'lanewise.AveragePoolNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageAttributes,
    infer: inferPoolNhwc,
    gradient: null,
  },

  /** dy -> dx of shape input_shape. */
  'lanewise.AveragePoolGradient': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageGradientAttributes,
    traits: { channelsLast: { op: 'lanewise.AveragePoolGradientNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferInputShape,
    gradient: ({ emit, attributes: { input_shape, ...attributes }, gradient }) => [
      emit.op('AveragePool', [gradient(0)], attributes),
    ],
  },

  'lanewise.AveragePoolGradientNhwc': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: averageGradientAttributes,
    infer: inferInputShape,
    gradient: null,
  },

  GlobalAveragePool: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { channelsLast: { op: 'lanewise.AveragePoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferGlobal,
    gradient: ({ emit, node, inputs, gradient }) => {
      const shape = concrete(inputs[0]!.shape, `the input of ${node.name}`)
      return [emit.expand(emit.div(gradient(0)!, sizeOf(shape.slice(2))), shape)]
    },
  },

  GlobalMaxPool: {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { channelsLast: { op: 'lanewise.MaxPoolNhwc', inputs: ['data'], outputs: ['data'] } },
    infer: inferGlobal,
    gradient: globalMaxGradient,
  },
} as const satisfies Record<string, OpDefinition>
