import type { NumericDType } from '../../src/core/dtype.js'
import { onnxTypeCode } from '../../src/core/dtype.js'
import { f32, type OpCase, type OperandCase } from './case.js'

const integers = (dtype: NumericDType, shape: readonly number[], range: readonly [number, number]): OperandCase => ({
  shape,
  dtype,
  range,
})
const u8 = (shape: readonly number[]) => integers('uint8', shape, [0, 256])
const s8 = (shape: readonly number[]) => integers('int8', shape, [-128, 128])
/** Weights that the graph holds. */
const held = (dtype: 'int8' | 'uint8', shape: readonly number[]): OperandCase => {
  const size = shape.reduce((a, b) => a * b)
  return {
    shape,
    dtype,
    values: Array.from({ length: size }, (_, i) => ((i * 37) % 256) - (dtype === 'int8' ? 128 : 0)),
  }
}
const scale = (shape: readonly number[] = []) => f32(shape, { range: [0.01, 0.1] })
const product = f32([], { data: [40] })

const quantize: readonly OpCase[] = [
  { op: 'QuantizeLinear', inputs: [f32([3, 17]), scale(), integers('uint8', [], [100, 150])] },
  { op: 'QuantizeLinear', inputs: [f32([3, 17]), scale()] },
  { op: 'QuantizeLinear', inputs: [f32([2, 3, 5]), scale([3]), integers('int8', [3], [-9, 9])] },
  {
    op: 'QuantizeLinear',
    inputs: [f32([2, 3, 5]), scale([2])],
    attributes: { axis: 0, output_dtype: onnxTypeCode.int16 },
  },
  {
    op: 'QuantizeLinear',
    inputs: [f32([2, 7]), scale([2, 3])],
    attributes: { axis: 1, block_size: 3, output_dtype: onnxTypeCode.int4 },
  },
  {
    op: 'QuantizeLinear',
    note: 'saturates',
    inputs: [f32([17], { range: [-99, 99] }), scale()],
    attributes: { output_dtype: onnxTypeCode.int2 },
  },
  {
    op: 'QuantizeLinear',
    note: 'saturates',
    inputs: [f32([2, 3, 35], { range: [-9999, 9999] }), scale([3]), integers('uint16', [3], [0, 65536])],
  },
  {
    op: 'QuantizeLinear',
    note: 'halves',
    inputs: [f32([19], { data: Array.from({ length: 19 }, (_, i) => (i - 9) / 2) }), f32([], { data: [1] })],
    attributes: { output_dtype: onnxTypeCode.int8 },
  },
  { op: 'QuantizeLinear', inputs: [f32([2, 4, 6]), scale([2, 4, 2])], attributes: { axis: -1, block_size: 3 } },
  { op: 'DequantizeLinear', inputs: [u8([3, 17]), scale(), integers('uint8', [], [100, 150])] },
  {
    op: 'DequantizeLinear',
    inputs: [integers('uint16', [3, 17], [0, 65536]), scale(), integers('uint16', [], [9, 999])],
  },
  {
    op: 'DequantizeLinear',
    inputs: [integers('int16', [3, 17], [-32768, 32768]), scale([3])],
    attributes: { axis: 0 },
  },
  { op: 'DequantizeLinear', inputs: [s8([2, 4, 6]), scale([2, 4, 2])], attributes: { axis: -1, block_size: 3 } },
  { op: 'DequantizeLinear', inputs: [s8([2, 3, 5]), scale([3]), integers('int8', [3], [-9, 9])] },
  { op: 'DequantizeLinear', inputs: [s8([2, 3, 5]), scale([5])], attributes: { axis: -1 } },
  { op: 'DequantizeLinear', inputs: [s8([5, 3]), scale([3, 3])], attributes: { axis: 0, block_size: 2 } },
  { op: 'DequantizeLinear', inputs: [integers('int32', [17], [-999, 999]), scale()] },
  { op: 'DynamicQuantizeLinear', inputs: [f32([3, 17])], outputs: 3 },
  { op: 'DynamicQuantizeLinear', note: 'zeros', inputs: [f32([3], { data: [0, 0, 0] })], outputs: 3 },
  { op: 'DynamicQuantizeLinear', note: 'positive', inputs: [f32([17], { range: [1, 2] })], outputs: 3 },
]

const products: readonly OpCase[] = [
  { op: 'MatMulInteger', inputs: [u8([5, 33]), s8([33, 7])] },
  {
    op: 'MatMulInteger',
    inputs: [u8([2, 5, 9]), u8([9, 7]), integers('uint8', [], [0, 9]), integers('uint8', [7], [0, 9])],
  },
  { op: 'MatMulInteger', inputs: [s8([5, 9]), s8([9, 7]), integers('int8', [5], [-9, 9])] },
  {
    op: 'ConvInteger',
    inputs: [u8([2, 3, 7, 5]), u8([4, 3, 3, 3]), integers('uint8', [], [100, 150])],
    attributes: { pads: [1, 1, 1, 1] },
  },
  {
    op: 'ConvInteger',
    inputs: [u8([2, 4, 7]), s8([4, 2, 3]), undefined, integers('int8', [4], [-9, 9])],
    attributes: { group: 2, strides: [2] },
  },
  { op: 'MatMulInteger', inputs: [u8([5, 33]), held('int8', [33, 7])] },
  { op: 'MatMulInteger', inputs: [s8([2, 5, 9]), held('uint8', [9, 7]), undefined, integers('uint8', [7], [0, 9])] },
  {
    op: 'ConvInteger',
    inputs: [u8([2, 3, 7, 5]), held('int8', [5, 3, 3, 3]), integers('uint8', [], [100, 150])],
    attributes: { pads: [1, 1, 1, 1] },
  },
  {
    op: 'QLinearMatMul',
    inputs: [
      u8([5, 33]),
      scale(),
      integers('uint8', [], [100, 150]),
      s8([33, 7]),
      scale([7]),
      integers('int8', [7], [-9, 9]),
      product,
      integers('uint8', [], [100, 150]),
    ],
  },
  {
    op: 'QLinearConv',
    inputs: [
      u8([2, 3, 7, 5]),
      scale(),
      integers('uint8', [], [100, 150]),
      s8([4, 3, 3, 3]),
      scale([4]),
      integers('int8', [4], [0, 1]),
      product,
      integers('uint8', [], [100, 150]),
      integers('int32', [4], [-99, 99]),
    ],
    attributes: { auto_pad: 'SAME_UPPER' },
  },
]

const bits: readonly OpCase[] = [
  ...['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].flatMap((op): OpCase[] => [
    { op, inputs: [integers('int32', [3, 17], [-999, 999]), integers('int32', [17], [-999, 999])] },
    { op, inputs: [u8([3, 17]), u8([3, 1])] },
  ]),
  { op: 'BitwiseNot', inputs: [integers('int16', [17], [-999, 999])] },
  ...['LEFT', 'RIGHT'].map((direction) => ({
    op: 'BitShift',
    inputs: [integers('uint32', [3, 17], [0, 2 ** 32]), integers('uint32', [17], [0, 40])],
    attributes: { direction },
  })),
  { op: 'BitCast', inputs: [f32([17])], attributes: { to: onnxTypeCode.int32 } },
  { op: 'BitCast', inputs: [integers('uint8', [17], [0, 256])], attributes: { to: onnxTypeCode.int8 } },
  { op: 'BitCast', inputs: [integers('int16', [17], [-9, 9])], attributes: { to: onnxTypeCode.uint16 } },
  { op: 'BitCast', inputs: [integers('int4', [17], [-8, 8])], attributes: { to: onnxTypeCode.uint4 } },
]

/** Numbers where rounding to 16 bits is delicate: ties, subnormal numbers, overflow, and what is no number. */
const halves = [
  0,
  -0,
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  -1 - 2 ** -8,
  1 + 3 * 2 ** -8,
  2 ** -24,
  2 ** -25,
  3 * 2 ** -25,
  -5 * 2 ** -26,
  2 ** -14 - 2 ** -25,
  65504,
  65519,
  65520,
  -65536,
  3.4e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
]

const casts: readonly OpCase[] = [
  ...(['uint4', 'int4', 'uint2', 'int2', 'float8e5m2', 'float4e2m1'] as const).map((dtype) => ({
    op: 'Cast',
    inputs: [f32([17], { range: [-9, 9] })],
    attributes: { to: onnxTypeCode[dtype] },
  })),
  { op: 'Cast', inputs: [integers('int4', [17], [-8, 8])], attributes: { to: onnxTypeCode.float32 } },
  ...(['uint4', 'int2', 'int8', 'uint8', 'int16', 'uint16'] as const).map((dtype) => ({
    op: 'Cast',
    inputs: [integers('int32', [17], [-70000, 70000])],
    attributes: { to: onnxTypeCode[dtype] },
  })),
  ...(['float16', 'bfloat16'] as const).flatMap((dtype): OpCase[] => [
    ...[1, 2, 3, 17].map((size) => ({
      op: 'Cast',
      inputs: [f32([size], { range: [-9, 9] })],
      attributes: { to: onnxTypeCode[dtype] },
    })),
    {
      op: 'Cast',
      note: 'edges',
      inputs: [f32([halves.length], { data: halves })],
      attributes: { to: onnxTypeCode[dtype] },
    },
    {
      op: 'Cast',
      note: 'all bits',
      inputs: [{ shape: [65536], dtype, data: Array.from({ length: 65536 }, (_, bits) => bits) }],
      attributes: { to: onnxTypeCode.float32 },
    },
  ]),
]

export const quantizationCases: readonly OpCase[] = [...quantize, ...products, ...bits, ...casts]
