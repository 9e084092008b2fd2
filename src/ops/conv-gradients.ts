import type { TensorType } from '../core/ir.js'
import { checkBias, convAttributes, epilogue } from './conv.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import { required, sameDType } from './infer.js'

const inputShape = { input_shape: { type: 'ints', required: true } } as const satisfies Record<string, AttributeSchema>
export const weightShape = { weight_shape: { type: 'ints', required: true } } as const satisfies Record<
  string,
  AttributeSchema
>

/** The first input's dtype, and the shape that an attribute holds. */
export const inferFromAttribute =
  (name: string) =>
  (context: InferenceContext): TensorType[] => [
    {
      dtype: sameDType([required(context, 0), required(context, 1)]),
      shape: intsAttribute(context.attributes, name)!,
    },
  ]

/** The gradients of convolutions. */
export const convGradients = {
  /** dy [N, O, …], w [O, C/group, …] -> dx of shape input_shape. */
  'lanewise.ConvInputGradient': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...inputShape },
    traits: {
      channelsLast: { op: 'lanewise.ConvInputGradientNhwc', inputs: ['data', 'weight'], outputs: ['data'] },
    },
    infer: inferFromAttribute('input_shape'),
  },

  /** dy [N, …, O], w […kernel, C/group, O], bias? [C] -> dx of shape input_shape; a bias makes it a ConvTranspose. */
  'lanewise.ConvInputGradientNhwc': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...inputShape, ...epilogue },
    traits: { epilogue: true, bias: 2 },
    infer: (context) => {
      const [type] = inferFromAttribute('input_shape')(context)
      checkBias(context.inputs[2], type.shape[type.shape.length - 1])
      return [type]
    },
    gradientUnknown: true,
  },

  /** x [N, C, …], dy [N, O, …] -> dw of shape weight_shape. */
  'lanewise.ConvWeightGradient': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...weightShape },
    traits: {
      channelsLast: { op: 'lanewise.ConvWeightGradientNhwc', inputs: ['data', 'data'], outputs: ['weight'] },
    },
    infer: inferFromAttribute('weight_shape'),
  },

  'lanewise.ConvWeightGradientNhwc': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...weightShape },
    infer: inferFromAttribute('weight_shape'),
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
