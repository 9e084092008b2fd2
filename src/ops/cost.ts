import { bytesPerElement } from '../core/dtype.js'
import type { Node, Value } from '../core/ir.js'
import { type Shape, sizeOf } from '../core/shape.js'
import { intsAttribute } from './definition.js'
import { traitsOf } from './index.js'

/** What a node costs: floating-point operations (a multiply-add counts 2) and bytes of operands and results. */
export interface Cost {
  readonly flops: number
  readonly bytes: number
}

/** The size of a shape; symbolic dimensions count 1. */
const elements = (shape: Shape): number => sizeOf(shape.map((dim) => (typeof dim === 'number' ? dim : 1)))

const bytesOf = (value: Value | undefined): number =>
  value ? elements(value.shape) * (bytesPerElement(value.dtype) || 8) : 0

type Flops = (node: Node) => number

const sizeOfInput = (node: Node, index: number): number => elements(node.inputs[index]?.shape ?? [])
const sizeOfOutput = (node: Node): number => elements(node.outputs[0]?.shape ?? [])
const lengthOf = (node: Node, index: number, axis: number): number =>
  elements((node.inputs[index]?.shape ?? []).slice(axis, axis + 1 || undefined))

/** Each output is a sum over a filter: everything of the weight but its output channels, which are axis 0. */
const convolution: Flops = (node) => 2 * sizeOfOutput(node) * elements((node.inputs[1]?.shape ?? []).slice(1))
/** Each input element is spread by a filter: everything of the weight but its input channels. */
const transposedConvolution: Flops = (node) =>
  2 * sizeOfInput(node, 0) * elements((node.inputs[1]?.shape ?? []).slice(1))
const product: Flops = (node) => 2 * sizeOfOutput(node) * lengthOf(node, 0, -1)
const pool: Flops = (node) => sizeOfOutput(node) * elements(intsAttribute(node.attributes, 'kernel_shape') ?? [])
/** Every step of every sequence multiplies by all of both weights. */
const recurrent: Flops = (node) =>
  2 * lengthOf(node, 0, 0) * lengthOf(node, 0, 1) * (sizeOfInput(node, 1) + sizeOfInput(node, 2))
/** Queries times keys, and weights times values. */
const attention: Flops = (node) =>
  4 * sizeOfInput(node, 0) * elements((node.inputs[1] ?? node.inputs[0])?.shape.slice(-2, -1) ?? [])

/** As `product`, of operands that may be transposed. */
const transposable: Flops = (node) => 2 * sizeOfOutput(node) * lengthOf(node, 0, node.attributes['transA'] ? -2 : -1)
/** The weight of the channels-last form has its output channels last. */
const convolutionNhwc: Flops = (node) => 2 * sizeOfOutput(node) * elements((node.inputs[1]?.shape ?? []).slice(0, -1))

/** Each element of dy, the second input, meets a filter of dw: everything of it but its output channels. */
const weightGradient =
  (filter: readonly [number, number?]): Flops =>
  (node) =>
    2 * sizeOfInput(node, 1) * elements((node.outputs[0]?.shape ?? []).slice(...filter))
/** Each element of dy is spread by a filter, whose output channels are last. */
const inputGradientNhwc: Flops = (node) =>
  2 * sizeOfInput(node, 0) * elements((node.inputs[1]?.shape ?? []).slice(0, -1))

const families: Readonly<Record<string, Flops>> = {
  'lanewise.ConvNhwc': convolutionNhwc,
  'lanewise.ConvInputGradient': transposedConvolution,
  'lanewise.ConvInputGradientNhwc': inputGradientNhwc,
  'lanewise.ConvWeightGradient': weightGradient([1]),
  'lanewise.ConvWeightGradientNhwc': weightGradient([0, -1]),
  'lanewise.MaxPooledConvWeightGradientNhwc': weightGradient([0, -1]),
  'lanewise.MaxPooledConvNhwc': (node) =>
    convolutionNhwc(node) * elements(intsAttribute(node.attributes, 'pool_shape')!),
  'lanewise.FusedMatMul': transposable,
  'lanewise.MaxPoolNhwc': pool,
  'lanewise.AveragePoolNhwc': pool,
  Conv: convolution,
  ConvInteger: convolution,
  'lanewise.ConvIntegerNhwc': convolutionNhwc,
  'lanewise.QLinearConvNhwc': (node) => 2 * sizeOfOutput(node) * elements((node.inputs[3]?.shape ?? []).slice(0, -1)),
  QLinearConv: (node) => 2 * sizeOfOutput(node) * elements((node.inputs[3]?.shape ?? []).slice(1)),
  DeformConv: convolution,
  ConvTranspose: transposedConvolution,
  MatMul: product,
  MatMulInteger: product,
  QLinearMatMul: product,
  Gemm: transposable,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Attention: attention,
}

/** What `node` costs, where symbolic dimensions count 1. Views are free; ops of no family cost an operation an output element. */
export function costOf(node: Node): Cost {
  const { view, reduction, shapeOnly } = traitsOf(node.op)
  if (view || shapeOnly) return { flops: 0, bytes: 0 }
  const bytes = [...node.inputs, ...node.outputs].reduce((sum, value) => sum + bytesOf(value), 0)
  const family = Object.hasOwn(families, node.op) ? families[node.op] : undefined
  if (family) return { flops: family(node), bytes }
  return { flops: reduction ? sizeOfInput(node, 0) : sizeOfOutput(node), bytes }
}
