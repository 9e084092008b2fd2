import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { concrete, type Dim, formatShape, isConcrete, type Shape } from '../core/shape.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import { freshShape, required, sameDType } from './infer.js'
import { groupOf, toChannelsLast, windowAttributes, windowOutput } from './window.js'

/** Conv's attributes. */
export const convAttributes = {
  ...windowAttributes,
  group: { type: 'int', default: 1 },
  kernel_shape: { type: 'ints' },
} as const satisfies Record<string, AttributeSchema>

export const epilogue = {
  activation: { type: 'string', default: '' },
  activation_alpha: { type: 'float', default: 0 },
  activation_beta: { type: 'float', default: 0 },
} as const satisfies Record<string, AttributeSchema>

export function checkKernel(attributes: Attributes, weight: readonly number[]): readonly number[] {
  const kernel = intsAttribute(attributes, 'kernel_shape')
  if (kernel && kernel.length > 0 && kernel.some((size, axis) => size !== weight[axis]))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `kernel_shape ${formatShape(kernel)} differs from the weight's ${formatShape(weight)}`,
    )
  return weight
}

export function checkRank(data: Shape, weight: Shape): void {
  if (data.length !== weight.length || data.length < 3)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `input ${formatShape(data)} and weight ${formatShape(weight)} need the same rank, 3 or more`,
    )
}

/** Throws SHAPE_MISMATCH unless the bias, if there is one, is [channels]. */
export function checkBias(bias: TensorType | undefined, channels: Dim): void {
  if (!bias) return
  const length = bias.shape[0]
  const fits = length === channels || typeof length === 'string' || typeof channels === 'string'
  if (bias.shape.length !== 1 || !fits)
    throw new LanewiseError('SHAPE_MISMATCH', `the bias ${formatShape(bias.shape)} must be [${channels}]`)
}

/** The channels-first output shape of a convolution of `data` [N, C, …] with `weight` [O, C/group, …]. */
export function convShape(attributes: Attributes, data: Shape, weight: Shape): Dim[] {
  checkRank(data, weight)
  const channels = data[1]
  const outputs = weight[0]
  const inputs = weight[1]
  const kernel = checkKernel(attributes, concrete(weight.slice(2), 'the weight'))
  const group = groupOf(attributes, channels, outputs)
  if (typeof channels === 'number' && typeof inputs === 'number' && channels !== inputs * group)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the input has ${channels} channels; weight ${formatShape(weight)} with group ${group} takes ${inputs * group}`,
    )
  return [data[0], outputs, ...windowOutput(attributes, kernel, data.slice(2))]
}

/** Input, weight and bias, of one dtype. Throws INVALID_MODEL or TYPE_MISMATCH. */
export function operandsOf(context: InferenceContext) {
  const data = required(context, 0)
  const weight = required(context, 1)
  const bias = context.inputs[2]
  return { data, weight, bias, dtype: sameDType(bias ? [data, weight, bias] : [data, weight]) }
}

/** `weight` with the sizes that kernel_shape gives where its own are symbolic; undefined where neither tells. */
export function knownWeight(attributes: Attributes, weight: Shape): Shape | undefined {
  if (isConcrete(weight.slice(2))) return weight
  const kernel = intsAttribute(attributes, 'kernel_shape')
  return kernel?.length === weight.length - 2 ? [weight[0], weight[1], ...kernel] : undefined
}

function inferConv(context: InferenceContext): TensorType[] {
  const { data, weight, bias, dtype } = operandsOf(context)
  const known = knownWeight(context.attributes, weight.shape)
  const shape = known
    ? convShape(context.attributes, data.shape, known)
    : [data.shape[0], weight.shape[0], ...freshShape(context, weight.shape.length).slice(2)]
  checkBias(bias, shape[1])
  return [{ dtype, shape }]
}

function inferConvNhwc(context: InferenceContext): TensorType[] {
  const { bias, dtype, ...operands } = operandsOf(context)
  const shape = convShapeNhwc(context.attributes, operands.data.shape, operands.weight.shape)
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
  },

  /** x [N, …, C], w […kernel, C/group, O], bias? [O] -> y [N, …, O]; pads are explicit, kernel_shape is the weight's. */
  'lanewise.ConvNhwc': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...epilogue },
    traits: { epilogue: true, bias: 2, columnWeight: 1 },
    infer: inferConvNhwc,
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
