import { type DType, dtypeOfCode, isFloat } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { broadcastsTo, formatShape, type Shape } from '../core/shape.js'
import { checkBias, convAttributes, convShape, convShapeNhwc } from './conv.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { granularityOf } from './granularity.js'
import { required } from './infer.js'
import { matMulShape } from './matmul.js'

const dtypeOr = (attributes: Attributes, name: string, otherwise: DType): DType => {
  const code = intAttribute(attributes, name)
  if (code === 0) return otherwise
  const dtype = dtypeOfCode(code)
  if (!dtype) throw new LanewiseError('UNSUPPORTED_OP', `${name} ${code} is no element type that lanewise holds`)
  return dtype
}

/** The dtypes that QuantizeLinear makes. */
const quantized: readonly DType[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'uint4',
  'int4',
  'uint2',
  'int2',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float4e2m1',
]

function checkZeroPoint(scale: TensorType, zeroPoint: TensorType | undefined, dtype: DType): void {
  if (!zeroPoint) return
  if (zeroPoint.dtype !== dtype)
    throw new LanewiseError('TYPE_MISMATCH', `the zero point must be ${dtype}, got ${zeroPoint.dtype}`)
  const ranks = [scale.shape, zeroPoint.shape].map((shape) => shape.filter((dim) => dim !== 1))
  if (ranks[0].length !== ranks[1].length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `scale ${formatShape(scale.shape)} and zero point ${formatShape(zeroPoint.shape)} must have one shape`,
    )
}

const quantizedAttributes = {
  axis: { type: 'int', default: 1 },
  block_size: { type: 'int', default: 0, since: 21 },
} as const

/** The types of scale and zero point of each operand must fit; `index` is the operand's place, they follow it. */
function requireInt8(context: InferenceContext, index: number): TensorType {
  const type = required(context, index)
  if (type.dtype !== 'int8' && type.dtype !== 'uint8' && !type.dtype.startsWith('float8'))
    throw new LanewiseError('TYPE_MISMATCH', `input ${index} must be int8 or uint8, got ${type.dtype}`)
  return type
}

function requireScale(context: InferenceContext, index: number): TensorType {
  const type = required(context, index)
  if (!isFloat(type.dtype))
    throw new LanewiseError('TYPE_MISMATCH', `the scale, input ${index}, must be a float, got ${type.dtype}`)
  return type
}

/**
 * The shape in which the scale or zero point of a matrix operand broadcasts to it: a row's number stands for a row of
 * the left operand, a column's for a column of the right one. Throws SHAPE_MISMATCH.
 */
export function matrixParameterShape(operand: Shape, parameter: Shape, side: 'left' | 'right'): Shape {
  const shape =
    parameter.length === 1 && parameter[0] !== 1 && side === 'left' && operand.length > 1
      ? [parameter[0], 1]
      : parameter.length === 1 && parameter[0] === 1
        ? []
        : parameter
  if (!broadcastsTo(shape, operand))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a scale or zero point of shape ${formatShape(parameter)} does not fit the matrix ${formatShape(operand)}`,
    )
  return shape
}

/** Ops on integers that stand for real numbers, scale * (q - zero point), and the ways there and back. */
export const quantization = {
  /** saturate(round(x / scale) + zero point), rounded to even; scales for all, along an axis, or in blocks of it. */
  QuantizeLinear: {
    since: 13,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: {
      ...quantizedAttributes,
      saturate: { type: 'int', default: 1, since: 19 },
      output_dtype: { type: 'int', default: 0, since: 21 },
      precision: { type: 'int', default: 0, since: 23 },
    },
    infer: (context) => {
      const [x, scale, zeroPoint] = [required(context, 0), required(context, 1), context.inputs[2]]
      const dtype = dtypeOr(context.attributes, 'output_dtype', zeroPoint?.dtype ?? 'uint8')
      if (!quantized.includes(dtype))
        throw new LanewiseError('TYPE_MISMATCH', `quantizes to ${quantized.join(', ')}; got ${dtype}`)
      dtypeOr(context.attributes, 'precision', scale.dtype)
      checkZeroPoint(scale, zeroPoint, dtype)
      granularityOf(x.shape, scale.shape, context.attributes)
      return [{ dtype, shape: x.shape }]
    },
  },
  /** (x - zero point) * scale. */
  DequantizeLinear: {
    since: 13,
    inputs: [2, 3],
    outputs: [1, 1],
    traits: { decodes: true },
    attributes: { ...quantizedAttributes, output_dtype: { type: 'int', default: 0, since: 23 } },
    infer: (context) => {
      const [x, scale, zeroPoint] = [required(context, 0), requireScale(context, 1), context.inputs[2]]
      checkZeroPoint(scale, zeroPoint, x.dtype)
      granularityOf(x.shape, scale.shape, context.attributes)
      return [{ dtype: dtypeOr(context.attributes, 'output_dtype', scale.dtype), shape: x.shape }]
    },
  },
  /** x -> y uint8, scale, zero point: quantized to the range that x has, extended to hold 0. */
  DynamicQuantizeLinear: {
    since: 11,
    inputs: [1, 1],
    outputs: [3, 3],
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      if (dtype !== 'float32') throw new LanewiseError('TYPE_MISMATCH', `takes float32, got ${dtype}; cast it first`)
      return [
        { dtype: 'uint8', shape },
        { dtype, shape: [] },
        { dtype: 'uint8', shape: [] },
      ]
    },
  },
  /** (a - a zero point) (b - b zero point), exact in int32. */
  MatMulInteger: {
    since: 10,
    inputs: [2, 4],
    outputs: [1, 1],
    infer: (context) => {
      const [a, b] = [requireInt8(context, 0), requireInt8(context, 1)]
      const [left, right] = context.inputs.slice(2)
      if (left) matrixParameterShape(a.shape, left.shape, 'left')
      if (right) matrixParameterShape(b.shape, right.shape, 'right')
      return [{ dtype: 'int32', shape: matMulShape(a.shape, b.shape) }]
    },
  },
  /** Conv of x - x zero point with w - w zero point, exact in int32. */
  ConvInteger: {
    since: 10,
    inputs: [2, 4],
    outputs: [1, 1],
    attributes: convAttributes,
    traits: {
      channelsLast: {
        op: 'lanewise.ConvIntegerNhwc',
        inputs: ['data', 'weight', undefined, undefined],
        outputs: ['data'],
      },
    },
    infer: (context) => {
      const [x, w] = [requireInt8(context, 0), requireInt8(context, 1)]
      return [{ dtype: 'int32', shape: convShape(context.attributes, x.shape, w.shape) }]
    },
  },
  /** a, its scale and zero point, b, its scale and zero point, y's scale and zero point -> the quantized product. */
  QLinearMatMul: {
    since: 10,
    inputs: [8, 8],
    outputs: [1, 1],
    infer: (context) => {
      const [a, b] = [requireInt8(context, 0), requireInt8(context, 3)]
      for (const index of [1, 2]) matrixParameterShape(a.shape, required(context, index).shape, 'left')
      for (const index of [4, 5]) matrixParameterShape(b.shape, required(context, index).shape, 'right')
      for (const index of [1, 4, 6]) requireScale(context, index)
      const shape = matMulShape(a.shape, b.shape)
      matrixParameterShape(shape, required(context, 6).shape, 'left')
      return [{ dtype: required(context, 7).dtype, shape }]
    },
  },
  /** x, its scale and zero point, w, its scales and zero points (one, or one an output channel), y's, bias int32? -> y. */
  QLinearConv: {
    since: 10,
    inputs: [8, 9],
    outputs: [1, 1],
    attributes: convAttributes,
    traits: {
      channelsLast: {
        op: 'lanewise.QLinearConvNhwc',
        inputs: ['data', undefined, undefined, 'weight'],
        outputs: ['data'],
      },
    },
    infer: (context) => {
      const [x, w] = [requireInt8(context, 0), requireInt8(context, 3)]
      for (const index of [1, 4, 6]) requireScale(context, index)
      const shape = convShape(context.attributes, x.shape, w.shape)
      checkBias(context.inputs[8], shape[1])
      return [{ dtype: required(context, 7).dtype, shape }]
    },
  },
  /** ConvInteger with x [N, …, C], w […kernel, C/group, O], y [N, …, O]; pads are explicit. */
  'lanewise.ConvIntegerNhwc': {
    since: 1,
    inputs: [2, 4],
    outputs: [1, 1],
    attributes: convAttributes,
    infer: (context) => {
      const [x, w] = [requireInt8(context, 0), requireInt8(context, 1)]
      return [{ dtype: 'int32', shape: convShapeNhwc(context.attributes, x.shape, w.shape) }]
    },
  },
  /** QLinearConv with x [N, …, C], w […kernel, C/group, O], y [N, …, O]; pads are explicit. */
  'lanewise.QLinearConvNhwc': {
    since: 1,
    inputs: [8, 9],
    outputs: [1, 1],
    attributes: convAttributes,
    infer: (context) => {
      const [x, w] = [requireInt8(context, 0), requireInt8(context, 3)]
      for (const index of [1, 4, 6]) requireScale(context, index)
      const shape = convShapeNhwc(context.attributes, x.shape, w.shape)
      checkBias(context.inputs[8], shape[shape.length - 1])
      return [{ dtype: required(context, 7).dtype, shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
