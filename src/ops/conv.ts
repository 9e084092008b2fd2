import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType, Value } from '../core/ir.js'
import { concrete, type Dim, formatShape, type Shape } from '../core/shape.js'
import { alongChannels } from './compose.js'
import {
  type AttributeSchema,
  type GradientContext,
  type InferenceContext,
  intsAttribute,
  type OpDefinition,
} from './definition.js'
import { required, sameDType } from './infer.js'
import {
  explicitWindow,
  groupOf,
  toChannelsLast,
  windowAttributes,
  windowOf,
  windowOutput,
  windowToAttributes,
} from './window.js'

/** Conv's attributes. */
export const convAttributes = {
  ...windowAttributes,
  group: { type: 'int', default: 1 },
  kernel_shape: { type: 'ints' },
} as const satisfies Record<string, AttributeSchema>

const inputShape = { input_shape: { type: 'ints', required: true } } as const satisfies Record<string, AttributeSchema>
const weightShape = { weight_shape: { type: 'ints', required: true } } as const satisfies Record<
  string,
  AttributeSchema
>

const epilogue = {
  activation: { type: 'string', default: '' },
  activation_alpha: { type: 'float', default: 0 },
  activation_beta: { type: 'float', default: 0 },
} as const satisfies Record<string, AttributeSchema>

function checkKernel(attributes: Attributes, weight: readonly number[]): readonly number[] {
  const kernel = intsAttribute(attributes, 'kernel_shape')
  if (kernel && kernel.length > 0 && kernel.some((size, axis) => size !== weight[axis]))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `kernel_shape ${formatShape(kernel)} differs from the weight's ${formatShape(weight)}`,
    )
  return weight
}

function checkRank(data: Shape, weight: Shape): void {
  if (data.length !== weight.length || data.length < 3)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `input ${formatShape(data)} and weight ${formatShape(weight)} need the same rank, 3 or more`,
    )
}

/** Throws SHAPE_MISMATCH unless the bias, if there is one, is [channels]. */
export function checkBias(bias: TensorType | undefined, channels: Dim): void {
  if (!bias) return
  const [length] = bias.shape
  const fits = length === channels || typeof length === 'string' || typeof channels === 'string'
  if (bias.shape.length !== 1 || !fits)
    throw new LanewiseError('SHAPE_MISMATCH', `the bias ${formatShape(bias.shape)} must be [${channels}]`)
}

/** The channels-first output shape of a convolution of `data` [N, C, …] with `weight` [O, C/group, …]. */
export function convShape(attributes: Attributes, data: Shape, weight: Shape): Dim[] {
  checkRank(data, weight)
  const [batch, channels, ...spatial] = data
  const [outputs, inputs, ...rest] = weight
  const kernel = checkKernel(attributes, concrete(rest, 'the weight'))
  const group = groupOf(attributes, channels, outputs)
  if (typeof channels === 'number' && typeof inputs === 'number' && channels !== inputs * group)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the input has ${channels} channels; weight ${formatShape(weight)} with group ${group} takes ${inputs * group}`,
    )
  return [batch, outputs, ...windowOutput(attributes, kernel, spatial)]
}

/** Input, weight and bias, of one dtype. Throws INVALID_MODEL or TYPE_MISMATCH. */
function operandsOf(context: InferenceContext) {
  const [data, weight, bias] = [required(context, 0), required(context, 1), context.inputs[2]]
  return { data, weight, bias, dtype: sameDType(bias ? [data, weight, bias] : [data, weight]) }
}

function inferConv(context: InferenceContext): TensorType[] {
  const { data, weight, bias, dtype } = operandsOf(context)
  const shape = convShape(context.attributes, data.shape, weight.shape)
  checkBias(bias, shape[1])
  return [{ dtype, shape }]
}

function inferConvNhwc(context: InferenceContext): TensorType[] {
  const { bias, dtype, ...operands } = operandsOf(context)
  const [x, w] = [operands.data.shape, operands.weight.shape]
  const shape = convShapeNhwc(context.attributes, x, w)
  checkBias(bias, shape[shape.length - 1])
  return [{ dtype, shape }]
}

/** The channels-last output shape of a convolution of `x` [N, …, C] with `w` […, C/group, O]. */
export function convShapeNhwc(attributes: Attributes, x: Shape, w: Shape): Dim[] {
  checkRank(x, w)
  const data = [x[0], x[x.length - 1], ...x.slice(1, -1)]
  const weight = [w[w.length - 1], w[w.length - 2], ...w.slice(0, -2)]
  return toChannelsLast(convShape(attributes, data, weight))
}

const inferFromAttribute =
  (name: string) =>
  (context: InferenceContext): TensorType[] => [
    {
      dtype: sameDType([required(context, 0), required(context, 1)]),
      shape: intsAttribute(context.attributes, name)!,
    },
  ]

/** Sum over every axis but the channels, 1. */
const channelSum = ({ emit, gradient }: GradientContext) => {
  const dy = gradient(0)!
  return emit.sum(
    dy,
    dy.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  )
}

function convGradient(context: GradientContext) {
  const { emit, node, inputs, gradient, needs } = context
  const [x, w] = inputs
  const dy = gradient(0)!
  const attributes = explicitWindow(node)
  return [
    needs(0)
      ? emit.op('lanewise.ConvInputGradient', [dy, w], {
          ...attributes,
          input_shape: concrete(x!.shape, `the input of ${node.name}`),
        })
      : undefined,
    needs(1)
      ? emit.op('lanewise.ConvWeightGradient', [x, dy], {
          ...attributes,
          weight_shape: concrete(w!.shape, `the weight of ${node.name}`),
        })
      : undefined,
    needs(2) ? channelSum(context) : undefined,
  ]
}

/** Attributes of a Conv that shares the window of a gradient node. */
const asConv = ({ input_shape, weight_shape, ...attributes }: Attributes): Attributes => attributes

interface TransposedWindow {
  readonly output: readonly Dim[]
  /** The window of the Conv whose input gradient this is. */
  readonly attributes: Attributes
}

/**
 * Output shape and window of a ConvTranspose of `data` [N, C, …] with `weight` [C, M/group, …]: the pads are explicit,
 * or follow from output_shape or auto_pad. Throws SHAPE_MISMATCH.
 */
export function transposedWindow(attributes: Attributes, data: Shape, weight: Shape): TransposedWindow {
  checkRank(data, weight)
  const [batch, channels, ...spatial] = data
  const [inputs, outputs, ...rest] = weight
  const kernel = checkKernel(attributes, concrete(rest, 'the weight'))
  const group = groupOf(attributes, channels)
  if (channels !== inputs && typeof channels === 'number' && typeof inputs === 'number')
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the input has ${channels} channels, weight ${formatShape(weight)} takes ${inputs}`,
    )
  const autoPad = attributes['auto_pad'] ?? 'NOTSET'
  const explicit = windowOf({ ...attributes, auto_pad: 'NOTSET' }, kernel, spatial)
  const wanted = intsAttribute(attributes, 'output_shape')?.slice(-spatial.length)
  const extra = intsAttribute(attributes, 'output_padding') ?? []
  const padBegin = [...explicit.padBegin]
  const padEnd = [...explicit.padEnd]
  const output = spatial.map((dim, axis): Dim => {
    const stride = explicit.strides[axis]
    const reach = (kernel[axis] - 1) * explicit.dilations[axis] + 1 + (extra[axis] ?? 0)
    const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER'
    if (autoPad === 'VALID') padBegin[axis] = padEnd[axis] = 0
    if (wanted || same) {
      if (wanted && typeof dim !== 'number')
        throw new LanewiseError('SHAPE_MISMATCH', `output_shape needs a known size, spatial axis ${axis} is '${dim}'`)
      const total = wanted ? stride * (Number(dim) - 1) + reach - wanted[axis] : reach - stride
      const pad = Math.max(0, total)
      const half = Math.floor(pad / 2)
      padBegin[axis] = autoPad === 'SAME_UPPER' ? half : pad - half
      padEnd[axis] = total - padBegin[axis]
      if (wanted) return wanted[axis]
      return typeof dim === 'number' ? dim * stride : `${stride} * (${dim})`
    }
    const slack = reach - padBegin[axis] - padEnd[axis]
    if (typeof dim !== 'number') return `${stride} * (${dim} - 1) + ${slack}`
    return stride * (dim - 1) + slack
  })
  return {
    output: [batch, typeof outputs === 'number' ? outputs * group : outputs, ...output],
    attributes: { ...windowToAttributes({ ...explicit, padBegin, padEnd }), group },
  }
}

export const conv = {
  Conv: {
    since: 11,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: convAttributes,
    traits: {
      channelsLast: { op: 'lanewise.ConvNhwc', inputs: ['data', 'weight', undefined], outputs: ['data'] },
      weights: [1, 2],
    },
    infer: inferConv,
    gradient: convGradient,
  },

  /** x [N, …, C], w […kernel, C/group, O], bias? [O] -> y [N, …, O]; pads are explicit, kernel_shape is the weight's. */
  'lanewise.ConvNhwc': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...epilogue },
    traits: { epilogue: true, bias: 2, columnWeight: 1 },
    infer: inferConvNhwc,
    gradient: null,
  },

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
    gradient: ({ emit, inputs: [dy, w], attributes, gradient, needs }) => {
      const ddx = gradient(0)!
      return [
        needs(0) ? emit.op('Conv', [ddx, w], asConv(attributes)) : undefined,
        needs(1)
          ? emit.op('lanewise.ConvWeightGradient', [ddx, dy], {
              ...asConv(attributes),
              weight_shape: concrete(w!.shape),
            })
          : undefined,
      ]
    },
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
    gradient: null,
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
    gradient: ({ emit, inputs: [x, dy], attributes, gradient, needs }) => {
      const ddw = gradient(0)!
      return [
        needs(0)
          ? emit.op('lanewise.ConvInputGradient', [dy, ddw], { ...asConv(attributes), input_shape: concrete(x!.shape) })
          : undefined,
        needs(1) ? emit.op('Conv', [x, ddw], asConv(attributes)) : undefined,
      ]
    },
  },

  'lanewise.ConvWeightGradientNhwc': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...weightShape },
    infer: inferFromAttribute('weight_shape'),
    gradient: null,
  },

  ConvTranspose: {
    since: 11,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, output_padding: { type: 'ints' }, output_shape: { type: 'ints' } },
    traits: { weights: [1, 2] },
    infer: (context) => {
      const { data, weight, bias, dtype } = operandsOf(context)
      const { output } = transposedWindow(context.attributes, data.shape, weight.shape)
      checkBias(bias, output[1])
      return [{ dtype, shape: output }]
    },
    gradient: (context) => {
      const { emit, node, inputs, gradient, needs } = context
      const [x, w] = inputs
      const dy = gradient(0)!
      const { attributes } = transposedWindow(node.attributes, x!.shape, w!.shape)
      return [
        needs(0) ? emit.op('Conv', [dy, w], attributes) : undefined,
        needs(1)
          ? emit.op('lanewise.ConvWeightGradient', [dy, x], {
              ...attributes,
              weight_shape: concrete(w!.shape, `the weight of ${node.name}`),
            })
          : undefined,
        needs(2) ? channelSum(context) : undefined,
      ]
    },
    decompose: (emit, node) => {
      const [x, w, bias] = node.inputs as [Value, Value, Value | undefined]
      const { output, attributes } = transposedWindow(node.attributes, x.shape, w.shape)
      const y = emit.op('lanewise.ConvInputGradient', [x, w], {
        ...attributes,
        input_shape: concrete(output, `the output of ${node.name}`),
      })
      return [bias ? emit.add(y, alongChannels(emit, bias, x.shape.length)) : y]
    },
  },
} as const satisfies Record<string, OpDefinition>
