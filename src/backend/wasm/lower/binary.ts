import type { DType } from '../../../core/dtype.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { activationKinds } from '../activations.js'
import { binary_f32 } from '../gen/binary.js'
import { unary_f32 } from '../gen/elementwise.js'
import type { KernelCall } from '../gen/kernels.js'
import { binary_w32 } from '../gen/training-binary.js'
import { compare_w32, logical_b8 } from '../gen/training-compare.js'
import { firstOf, type Lowering, type LoweringContext } from './lowering.js'
import { rowsOf } from './strides.js'
import { cut } from './tiles.js'

type BinaryKernel = typeof binary_f32 | typeof binary_w32 | typeof compare_w32 | typeof logical_b8

/** A kernel, and the number that it knows the operation by. */
interface Choice {
  readonly kernel: BinaryKernel
  readonly operation: number
}

/** An operation of `assembly/binary.ts`. */
const float = (operation: number): Choice => ({ kernel: binary_f32, operation })
/** An operation of `assembly/training/binary.ts`. */
export const word = (operation: number): Choice => ({ kernel: binary_w32, operation })

const arithmetic: Readonly<Record<string, Partial<Record<DType, Choice>>>> = {
  Add: { float32: float(0), int32: word(4) },
  Sub: { float32: float(1), int32: word(5) },
  Mul: { float32: float(2), int32: word(6) },
  Div: { float32: float(3) },
  Pow: { float32: word(0) },
  Max: { float32: float(4), int32: word(7) },
  Min: { float32: float(5), int32: word(8) },
  PRelu: { float32: float(6) },
}

/** The operations of `compare_w32`. */
const comparisons = {
  Equal: { float32: 0, int32: 5 },
  Greater: { float32: 1, int32: 6 },
  GreaterOrEqual: { float32: 2, int32: 7 },
  Less: { float32: 3, int32: 8 },
  LessOrEqual: { float32: 4, int32: 9 },
} as const satisfies Record<string, Partial<Record<DType, number>>>

/** Equality in `compare_w32`. */
export const EQUAL = comparisons.Equal.float32

/** The operations of `logical_b8`. */
const logical = { And: 0, Or: 1, Xor: 2, Equal: 3 } as const

/** An operand: where it lies and its shape. */
export interface Operand {
  readonly address: number
  readonly shape: readonly number[]
}

/** The call of one broadcast operation into `y`; none if the output is empty. */
export function binaryCall({ kernel, operation }: Choice, a: Operand, b: Operand, y: Operand): KernelCall[] {
  const { size, inner, dims, steps, strides } = rowsOf(y.shape, [a.shape, b.shape])
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const [aStep, bStep] = steps
  const params = { a: a.address, b: b.address, y: y.address, size, chunk, operation, inner, aStep, bStep }
  return [kernel({ ...params, rank: dims.length }, tiles, [...dims, ...strides[0], ...strides[1]])]
}

/** A broadcast operation on operands of one type; `choose` tells the kernel, undefined where there is none. */
export const binary = (choose: (dtype: DType) => Choice | undefined): Lowering => ({
  accelerates: ({ inputs }) => inputs[1]!.dtype === inputs[0]!.dtype && choose(inputs[0]!.dtype) !== undefined,
  lower({ inputs, outputs }, { address }) {
    const operand = (value: Value) => ({ address: address(value), shape: concrete(value.shape) })
    return binaryCall(choose(inputs[0]!.dtype)!, operand(inputs[0]!), operand(inputs[1]!), operand(outputs[0]))
  },
})

const choice = (kernel: BinaryKernel, operation: number | undefined): Choice | undefined =>
  operation === undefined ? undefined : { kernel, operation }

const comparison = (op: keyof typeof comparisons, dtype: DType): Choice | undefined =>
  choice(compare_w32, (comparisons[op] as Partial<Record<DType, number>>)[dtype])

const logicalOp = (op: keyof typeof logical, dtype: DType): Choice | undefined =>
  choice(logical_b8, dtype === 'bool' ? logical[op] : undefined)

const arithmeticOp = (op: string): Lowering => binary((dtype) => arithmetic[op][dtype])

/** y = factor x, element by element; one shape. */
function scaleCall(x: Operand, y: Operand, factor: number): KernelCall[] {
  const size = sizeOf(y.shape)
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const kind = activationKinds.scale
  return [unary_f32({ x: x.address, y: y.address, size, chunk, kind, alpha: factor, beta: 0 }, tiles)]
}

type VariadicOp = 'Max' | 'Min' | 'Sum' | 'Mean'
type FoldCalls = (a: Operand, b: Operand, y: Operand, context: LoweringContext) => KernelCall[]

/**
 * Max, Min, Sum or Mean of any number of inputs, two at a time into the output. `foldOf` gives the calls on a dtype, undefined where no
 * kernel takes it; sums are of float32. Inputs that share the output's memory are taken first: once for max and min, times their number for sums.
 */
export const variadic = (op: VariadicOp, foldOf: (dtype: DType) => FoldCalls | undefined): Lowering => ({
  accelerates: ({ inputs }) =>
    foldOf(inputs[0]!.dtype) !== undefined && (inputs.length > 1 || inputs[0]!.dtype === 'float32'),
  lower({ inputs, outputs }, context) {
    const { address } = context
    const fold = foldOf(inputs[0]!.dtype)!
    const y = { address: address(outputs[0]), shape: concrete(outputs[0].shape) }
    const operands = inputs.map((value) => ({ address: address(value!), shape: concrete(value!.shape) }))
    const shared = operands.filter((operand) => operand.address === y.address).length
    const [first, ...rest] = operands.filter((operand) => operand.address !== y.address)
    const calls: KernelCall[] = []
    if (shared === 0 && rest.length === 0) return scaleCall(first, y, 1)
    if (shared > 1 && (op === 'Sum' || op === 'Mean')) calls.push(...scaleCall(y, y, shared))
    if (shared > 0 && first) rest.unshift(first)
    let left = shared > 0 ? y : first
    for (const right of rest) {
      calls.push(...fold(left, right, y, context))
      left = y
    }
    if (op === 'Mean') calls.push(...scaleCall(y, y, 1 / inputs.length))
    return calls
  },
})

const folded = (op: VariadicOp): Lowering =>
  variadic(op, (dtype) => {
    const choice = (op === 'Max' || op === 'Min' ? arithmetic[op] : { float32: float(0) })[dtype]
    return choice && ((a, b, y) => binaryCall(choice, a, b, y))
  })

const general = arithmeticOp('Pow')
const product = arithmeticOp('Mul')

/** The constant exponent of a Pow of float32, where one stands for all elements. */
const powerOf = ({ inputs: [x, exponent] }: Node, constant: ConstantOf): number | undefined => {
  const tensor = x!.dtype === 'float32' && sizeOf(concrete(exponent!.shape)) === 1 ? constant(exponent!) : undefined
  return tensor && tensor.dims.length <= x!.shape.length ? Number(tensor.data[0]) : undefined
}

const square: Lowering = {
  accelerates: (node, constant) => powerOf(node, constant) === 2,
  lower: (node, context) => product.lower({ ...node, inputs: [node.inputs[0], node.inputs[0]] }, context),
}

const cube: Lowering = {
  accelerates: (node, constant) => powerOf(node, constant) === 3,
  workspace: ({ inputs }) => sizeOf(concrete(inputs[0]!.shape)) * 4,
  lower({ inputs: [value], outputs: [y] }, { address, workspace }) {
    const shape = concrete(y.shape)
    const [x, squared] = [address(value!), workspace].map((at) => ({ address: at, shape }))
    const times = arithmetic['Mul'].float32!
    return [...binaryCall(times, x, x, squared), ...binaryCall(times, squared, x, { address: address(y), shape })]
  },
}

const compared = (op: keyof typeof comparisons) => binary((dtype) => comparison(op, dtype))

/** Elementwise ops of two operands (Max, Min, Sum and Mean: of any number), broadcast. */
export const binaryLowerings = {
  Add: arithmeticOp('Add'),
  Sub: arithmeticOp('Sub'),
  Mul: arithmeticOp('Mul'),
  Div: arithmeticOp('Div'),
  Pow: firstOf(square, cube, general),
  PRelu: arithmeticOp('PRelu'),
  Max: folded('Max'),
  Min: folded('Min'),
  Sum: folded('Sum'),
  Mean: folded('Mean'),
  Equal: firstOf(
    binary((dtype) => logicalOp('Equal', dtype)),
    compared('Equal'),
  ),
  Greater: compared('Greater'),
  GreaterOrEqual: compared('GreaterOrEqual'),
  Less: compared('Less'),
  LessOrEqual: compared('LessOrEqual'),
  And: binary((dtype) => logicalOp('And', dtype)),
  Or: binary((dtype) => logicalOp('Or', dtype)),
  Xor: binary((dtype) => logicalOp('Xor', dtype)),
} as const satisfies Record<string, Lowering>
