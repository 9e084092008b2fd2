import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { Tensor } from '../../../core/tensor.js'
import { limits } from '../../../ops/granularity.js'
import { epilogueOf } from '../../activations.js'
import { elementTypeOf } from '../elements.js'
import { type Dispatch, f32Literal, mapKernel, type Place } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { convolutionOf, convolutionOperands, outputOf } from './conv.js'
import { type Finish, type Gemm, type GemmSizes, gemm, gemmWorkspace } from './gemm.js'
import { elementsOf, type Lowering, type LoweringContext, shapeOf } from './lowering.js'
import { type Product, productOf, productOperands, type ReadElement } from './matmul.js'
import { isSpatial } from './window.js'

/** A quantized operand: its integers, their scale and zero point. */
interface Operand {
  readonly value: Value
  readonly scale?: Value | undefined
  readonly zero?: Value | undefined
}

/** y = a b, as int32, or with the scales of all three quantized again. */
interface Quantized {
  readonly a: Operand
  readonly b: Operand
  readonly y: Operand
  /** int32. */
  readonly bias?: Value | undefined
  /** Columns, over all groups. */
  readonly columns: number
  /** WGSL for the column of (batch, column), over all groups. */
  readonly columnAt: string
}

type Names = Readonly<Record<string, string>>
type Operands = GemmSizes & Pick<Gemm, 'a' | 'b' | 'direct' | 'at'>

const isByte = ({ dtype }: Value): boolean => dtype === 'int8' || dtype === 'uint8'
const isOne = (value: Value | undefined): boolean => value === undefined || elementsOf(value) === 1
/** One number, or one a column. */
const isColumnwise = (value: Value | undefined, columns: number): boolean =>
  isOne(value) || (value!.shape.length === 1 && elementsOf(value!) === columns)

const takes = ({ a, b, y, bias, columns }: Quantized): boolean =>
  [a, b].every(({ value }) => isByte(value) && elementsOf(value) > 0) &&
  elementsOf(y.value) > 0 &&
  isColumnwise(b.zero, columns) &&
  (bias === undefined || bias.dtype === 'int32') &&
  (y.scale === undefined ||
    (isByte(y.value) &&
      [a.scale, b.scale, y.scale].every((scale) => scale?.dtype === 'float32') &&
      [a.scale, a.zero, y.scale, y.zero].every(isOne) &&
      isColumnwise(b.scale, columns)))

/** Constants with four elements in each 32 bits, by the constants themselves. */
const packedConstants = new WeakMap<Tensor, Tensor>()

/** The content of a constant operand, four elements in 32 bits. */
function packedConstant(value: Value, constant: ConstantOf): Tensor | undefined {
  const content = constant(value)
  if (content === undefined) return undefined
  let packed = packedConstants.get(content)
  if (!packed) {
    const bytes = new Uint8Array(Math.ceil(content.size / 4) * 4)
    const { buffer, byteOffset, byteLength } = content.data as Uint8Array
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength))
    packed = new Tensor('int32', new Int32Array(bytes.buffer), [bytes.length / 4])
    packedConstants.set(content, packed)
  }
  return packed
}

/** Elements of `values`, less the zero point of the tensor or of their line; `packed` where four lie in 32 bits. */
const centred =
  (values: string, zeros: string, { value, zero }: Operand, packed = false) =>
  (names: Names): ReadElement =>
  (index, line) => {
    const word = `${names[values]}[(${index}) >> 2u]`
    const element = packed
      ? `i32(extractBits(${value.dtype === 'uint8' ? `bitcast<u32>(${word})` : word}, (u32(${index}) & 3u) * 8u, 8u))`
      : `i32(${names[values]}[${index}])`
    return zero === undefined ? element : `(${element} - i32(${names[zeros]}[${isOne(zero) ? '0' : line}]))`
  }

const multiplierBytes = ({ y, columns }: Quantized): number => (y.scale ? Math.ceil((columns * 4) / 256) * 256 : 0)

const workspaceOf = (product: Quantized, sizes: GemmSizes, tuning: Tuning): number =>
  multiplierBytes(product) + gemmWorkspace(sizes, tuning)

/** What a sum is worth in units of y, a column each: the scales' quotient. */
function multipliersOf({ a, b, y, columns }: Quantized, { place }: LoweringContext, to: Place): Dispatch[] {
  const at = isOne(b.scale) ? '0' : 'i'
  return mapKernel({
    name: 'quantize_multipliers',
    count: columns,
    reads: { x: place(a.scale!), w: place(b.scale!), y: place(y.scale!) },
    writes: { to },
    body: (names) => `  ${names.to}[i] = ${names.x}[0] * ${names.w}[${at}] / ${names.y}[0];`,
  })
}

function lowerProduct(name: string, product: Quantized, operands: Operands, context: LoweringContext): Dispatch[] {
  const { a, b, y, bias, columns, columnAt } = product
  const { place, workspace, table, constant } = context
  const weights = packedConstant(b.value, constant)
  const bytes = multiplierBytes(product)
  const sum = (names: Names) => (bias ? `(value + ${names['bias']}[${columnAt}])` : 'value')
  const biasReads: Readonly<Record<string, Place>> = bias ? { bias: place(bias) } : {}
  const multipliers = y.scale && workspace(0, columns * 4, 'f32')
  const [low, high] = (limits[y.value.dtype] ?? [0, 0]).map(f32Literal)
  const quantizing: Finish | undefined = multipliers && {
    reads: { ...biasReads, multipliers, ...(y.zero && { y_zero: place(y.zero) }) },
    declarations: '',
    value: (names) =>
      `${elementTypeOf(y.value.dtype)}(clamp(round(f32(${sum(names)}) * ${names['multipliers']}[${columnAt}])${y.zero ? ` + f32(${names['y_zero']}[0])` : ''}, ${low}, ${high}))`,
  }
  const products = gemm(
    {
      name,
      ...operands,
      scalar: 'i32',
      reads: {
        a: place(a.value),
        b: weights ? table(weights) : place(b.value),
        ...(a.zero && { a_zero: place(a.zero) }),
        ...(b.zero && { b_zero: place(b.zero) }),
      },
      y: place(y.value),
      finish: quantizing ?? { reads: biasReads, declarations: '', value: sum },
    },
    { ...context, workspace: (offset, size, type) => workspace(bytes + offset, size, type) },
  )
  return [...(multipliers ? multipliersOf(product, context, multipliers) : []), ...products]
}

/** A product of matrices: one zero point for a, or one a row where all batches have one matrix b and a is one matrix. */
const matrixProduct = (name: string, operandsOf: (node: Node) => Pick<Quantized, 'a' | 'b' | 'y'>): Lowering => {
  const of = (node: Node): { readonly quantized: Quantized; readonly product: Product } => {
    const { a, b, y } = operandsOf(node)
    const plain = { transA: false, transB: false, bias: undefined, epilogue: epilogueOf({ ...node, attributes: {} }) }
    const product = productOf({ a: a.value, b: b.value, y: y.value, ...plain })
    return { product, quantized: { a, b, y, columns: product.n, columnAt: 'column' } }
  }
  return {
    accelerates(node) {
      const { quantized, product } = of(node)
      const { zero, value } = quantized.a
      const rowwise = value.shape.length === 2 && zero?.shape.length === 1 && elementsOf(zero) === product.m
      return takes(quantized) && (isOne(zero) || rowwise)
    },
    workspace(node, _constant, tuning) {
      const { quantized, product } = of(node)
      return workspaceOf(quantized, product, tuning)
    },
    lower(node, context) {
      const { quantized, product } = of(node)
      const { a, b } = quantized
      const packed = context.constant(b.value) !== undefined
      const operands = productOperands(product, centred('a', 'a_zero', a), centred('b', 'b_zero', b, packed))
      return lowerProduct(name, quantized, operands, context)
    },
  }
}

/** A channels-last convolution; taps outside of the image count as its zero point. */
const convolution = (name: string, operandsOf: (node: Node) => Pick<Quantized, 'a' | 'b' | 'y' | 'bias'>): Lowering => {
  const of = (node: Node, constant?: ConstantOf) => {
    const { a, b, y, bias } = operandsOf(node)
    const packed = constant?.(b.value) !== undefined
    const c = convolutionOf(node, a.value, b.value, y.value)
    const quantized: Quantized = { a, b, y, bias, columns: c.outputs, columnAt: outputOf(c) }
    const operands = convolutionOperands(c, centred('a', 'a_zero', a), centred('b', 'b_zero', b, packed))
    return { quantized, operands }
  }
  return {
    accelerates: (node) => {
      const { a, b } = operandsOf(node)
      return isSpatial(a.value.shape) && shapeOf(b.value).length > 2 && isOne(a.zero) && takes(of(node).quantized)
    },
    workspace(node, _constant, tuning) {
      const { quantized, operands } = of(node)
      return workspaceOf(quantized, operands, tuning)
    },
    lower(node, context) {
      const { quantized, operands } = of(node, context.constant)
      return lowerProduct(name, quantized, operands, context)
    },
  }
}

const integerOperands = ({ inputs: [a, b, aZero, bZero], outputs: [y] }: Node) => ({
  a: { value: a!, zero: aZero },
  b: { value: b!, zero: bZero },
  y: { value: y },
})

const linearOperands = ({ inputs, outputs: [y] }: Node) => {
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero, bias] = inputs
  return {
    a: { value: a!, scale: aScale, zero: aZero },
    b: { value: b!, scale: bScale, zero: bZero },
    y: { value: y, scale: yScale, zero: yZero },
    bias,
  }
}

/** Products of integers of 8 bits, summed in int32: exact. Constant weights lie packed. */
export const quantizedProductLowerings = {
  'lanewise.ConvIntegerNhwc': convolution('conv_integer', integerOperands),
  'lanewise.QLinearConvNhwc': convolution('qlinear_conv', linearOperands),
  MatMulInteger: matrixProduct('matmul_integer', integerOperands),
  QLinearMatMul: matrixProduct('qlinear_matmul', linearOperands),
} as const satisfies Record<string, Lowering>
