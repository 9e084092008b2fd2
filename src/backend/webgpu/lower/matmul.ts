import type { Node, Value } from '../../../core/ir.js'
import { broadcastShapes, broadcastStrides, sizeOf } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { epilogueOf, type Unary } from '../../activations.js'
import { f32Literal, mapKernel, type Place, vec4 } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import type { GemmOperand } from '../wgsl/gemm.js'
import { offsetExpression } from '../wgsl/index.js'
import { biasAndActivation, type Gemm, type GemmSizes, gemm, gemmWorkspace } from './gemm.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'

const identity: Unary = { name: 'identity', alpha: 0, beta: 0 }

export interface Product extends GemmSizes {
  readonly a: Value
  readonly b: Value
  readonly bias: Value | undefined
  readonly y: Value
  readonly transA: boolean
  readonly transB: boolean
  readonly epilogue: Unary
  /** Shape of the batches, and strides in matrices along it. */
  readonly batch: readonly number[]
  readonly strides: readonly [readonly number[], readonly number[]]
}

/** The last two axes of an operand, with a vector seen as one row (of a) or one column (of b). */
function matrixShape(shape: readonly number[], transposed: boolean, vectorIsRow: boolean): [number, number] {
  if (shape.length === 1) return vectorIsRow ? [1, shape[0]] : [shape[0], 1]
  const [rows, columns] = shape.slice(-2)
  return transposed ? [columns, rows] : [rows, columns]
}

type Operands = Pick<Product, 'a' | 'b' | 'bias' | 'y' | 'transA' | 'transB' | 'epilogue'>

/** A product with one b for all batches is one matrix product. */
export function productOf(operands: Operands): Product {
  const [aShape, bShape] = [shapeOf(operands.a), shapeOf(operands.b)]
  const [rows, k] = matrixShape(aShape, operands.transA, true)
  const [, n] = matrixShape(bShape, operands.transB, false)
  const [aBatch, bBatch] = [aShape.slice(0, -2), bShape.slice(0, -2)]
  if (sizeOf(bBatch) === 1 && !operands.transA)
    return { ...operands, m: rows * sizeOf(aBatch), n, k, batches: 1, batch: [], strides: [[], []] }
  const batch = broadcastShapes(aBatch, bBatch) as number[]
  const strides = [broadcastStrides(aBatch, batch), broadcastStrides(bBatch, batch)] as const
  return { ...operands, m: rows, n, k, batches: sizeOf(batch), batch, strides: [...strides] }
}

/** An offset that is u32 in `batch: u32`, in `batch: i32`. */
const integer = (offset: string): string => `i32(${offset.replaceAll('batch', 'u32(batch)')})`

/** Expression of the element of an operand at `index`, in row or column `line`, both WGSL for i32. */
export type ReadElement = (index: string, line: string) => string

/** Reads elements of a buffer; where `wide`, four at an index that is a multiple of 4 from a buffer of vec4s. */
export const elementIn =
  (buffer: string, wide = false): ReadElement =>
  (index) =>
    wide ? `${buffer}[(${index}) / 4]` : `${buffer}[${index}]`

/** Which operands are read by four. */
export interface Wide {
  readonly a: boolean
  readonly b: boolean
}

const narrow: Wide = { a: false, b: false }

/** Operands that may be read by four: tiled, contiguous by multiples of 4, and no place in two forms. */
export function wideOperands(tuning: Tuning, a: Place, b: Place, a4: boolean, b4: boolean): Wide {
  if (tuning.products !== 'tiled') return narrow
  const same = a.buffer === b.buffer && a.offset === b.offset
  return same && a4 !== b4 ? narrow : { a: a4, b: b4 }
}

/** A dense matrix: `free` and `k` tell what a step along each axis is worth. */
function denseOperand(read: ReadElement, batchOffset: string, free: number, k: number, wide: boolean): GemmOperand {
  const index = (at: string, stride: number) => (stride === 1 ? at : `${at} * ${stride}u`)
  return {
    contiguous: k === 1 ? 'k' : 'free',
    free: `return vec4<i32>(i32(${batchOffset} + ${index('at', free)}), i32(at), 0, 0);`,
    along: `return vec4<i32>(i32(${index('at', k)}), 0, 0, 0);`,
    load: `return ${read('free.x + along.x', 'free.y')};`,
    wide,
  }
}

/** The sizes and operands of a product whose elements `a` and `b` read. */
export function productOperands(
  product: Pick<Product, keyof GemmSizes | 'batch' | 'strides' | 'transA' | 'transB'>,
  readA: (names: Readonly<Record<string, string>>) => ReadElement,
  readB: (names: Readonly<Record<string, string>>) => ReadElement,
  wide: Wide = narrow,
): Pick<Gemm, 'm' | 'n' | 'k' | 'batches' | 'a' | 'b' | 'direct' | 'at'> {
  const { m, n, k, batches, batch, strides, transA, transB } = product
  const offset = (steps: readonly number[], matrix: number) =>
    offsetExpression(
      'batch',
      batch,
      steps.map((step) => step * matrix),
    )
  return {
    m,
    n,
    k,
    batches,
    a: (names) => denseOperand(readA(names), offset(strides[0], m * k), transA ? 1 : k, transA ? m : 1, wide.a),
    b: (names) => denseOperand(readB(names), offset(strides[1], k * n), transB ? k : 1, transB ? 1 : n, wide.b),
    direct: (names) => ({
      loops: [],
      steps: k,
      row: `return vec4<i32>(${integer(offset(strides[0], m * k))} + row * ${transA ? 1 : k}, row, 0, 0);`,
      beginA: 'return row.xy;',
      loadA: readA(names)(`begin.x + k${transA ? ` * ${m}` : ''}`, 'begin.y'),
      beginB: integer(offset(strides[1], k * n)),
      loadB: readB(names)(`begin + ${transB ? `column * ${k} + k` : `k * ${n} + column`}`, 'column'),
    }),
    at: `(batch * ${m}u + row) * ${n}u + column`,
  }
}

const matMul = (operandsOf: (node: Node) => Operands): Lowering => ({
  accelerates: (node) => isFloat32(node) && productOf(operandsOf(node)).k > 0,
  workspace: (node, _constant, tuning) => gemmWorkspace(productOf(operandsOf(node)), tuning),
  lower(node, context) {
    const product = productOf(operandsOf(node))
    const { m, n, k, bias, epilogue, transA, transB } = product
    const [a, b] = [context.place(product.a), context.place(product.b)]
    const wide = wideOperands(context.tuning, a, b, (transA ? m : k) % 4 === 0, (transB ? k : n) % 4 === 0)
    return gemm(
      {
        name: 'matmul',
        reads: { a: wide.a ? vec4(a) : a, b: wide.b ? vec4(b) : b },
        ...productOperands(
          product,
          (names) => elementIn(names['a'], wide.a),
          (names) => elementIn(names['b'], wide.b),
          wide,
        ),
        y: context.place(product.y),
        finish: biasAndActivation(bias && context.place(bias), 'column', epilogue),
      },
      context,
    )
  },
})

/** The parts of a Gemm: a row c with factors 1 is the bias of the product; anything else is a second dispatch. */
function gemmParts({ inputs: [a, b, c], outputs: [y], attributes }: Node) {
  const alpha = floatAttribute(attributes, 'alpha') ?? 1
  const beta = floatAttribute(attributes, 'beta') ?? 1
  const columns = shapeOf(y)[1]
  const addend = beta === 0 ? undefined : c
  const isRow = addend && addend.shape[addend.shape.length - 1] === columns && elementsOf(addend) === columns
  const fused = alpha === 1 && (addend === undefined || (isRow && beta === 1))
  const transA = Boolean(intAttribute(attributes, 'transA'))
  const transB = Boolean(intAttribute(attributes, 'transB'))
  const operands = { a: a!, b: b!, bias: fused ? addend : undefined, y, transA, transB, epilogue: identity }
  return { alpha, beta, addend, fused, operands }
}

const gemmProduct = matMul((node) => gemmParts(node).operands)

const gemmLowering: Lowering = {
  ...gemmProduct,
  lower(node, context) {
    const { alpha, beta, addend, fused } = gemmParts(node)
    const product = gemmProduct.lower(node, context)
    if (fused) return product
    const y = node.outputs[0]
    const shape = shapeOf(y)
    const place = context.place(y)
    const finish = addend
      ? mapKernel({
          name: 'gemm_finish',
          count: sizeOf(shape),
          reads: { c: context.place(addend) },
          writes: { y: place },
          body: ({ c, y }) =>
            `  ${y}[i] = ${f32Literal(alpha)} * ${y}[i] + ${f32Literal(beta)} * ${c}[${offsetExpression('i', shape, broadcastStrides(shapeOf(addend), shape))}];`,
        })
      : mapKernel({
          name: 'gemm_finish',
          count: sizeOf(shape),
          reads: {},
          writes: { y: place },
          body: ({ y }) => `  ${y}[i] *= ${f32Literal(alpha)};`,
        })
    return [...product, ...finish]
  },
}

/** Matrix products of float32. */
export const matMulLowerings = {
  MatMul: matMul(({ inputs: [a, b], outputs: [y] }) => ({
    a: a!,
    b: b!,
    bias: undefined,
    y,
    transA: false,
    transB: false,
    epilogue: identity,
  })),
  Gemm: gemmLowering,
  'lanewise.FusedMatMul': matMul((node) => ({
    a: node.inputs[0]!,
    b: node.inputs[1]!,
    bias: node.inputs[2],
    y: node.outputs[0],
    transA: Boolean(node.attributes['transA']),
    transB: Boolean(node.attributes['transB']),
    epilogue: epilogueOf(node),
  })),
} as const satisfies Record<string, Lowering>
