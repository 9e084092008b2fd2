import { arrayOf, bytesPerElement, type DType, type NumericDType, type TypedArray } from '../../../core/dtype.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { Tensor } from '../../../core/tensor.js'
import { castTensor } from '../../reference/cast.js'
import type { KernelCall } from '../gen/kernels.js'
import { convert_any, integer_binary, lookup_b8 } from '../gen/rare-integer.js'
import type { Lowering } from './lowering.js'
import { rowsOf } from './strides.js'
import { cut } from './tiles.js'

/** The element types of `assembly/integer.ts`. */
export const scalarTypes = {
  int8: 0,
  uint8: 1,
  int16: 2,
  uint16: 3,
  int32: 4,
  uint32: 5,
  int64: 6,
  uint64: 7,
  float32: 8,
  float64: 9,
  bool: 10,
} as const satisfies Partial<Record<DType, number>>

/** The number of `dtype` in kernels over all scalar types; undefined for floats of 16 bits and fewer, and packed integers. */
export const scalarType = (dtype: DType): number | undefined => (scalarTypes as Partial<Record<DType, number>>)[dtype]

export const isWhole = (dtype: DType): boolean => (scalarType(dtype) ?? scalarTypes.float32) < scalarTypes.float32

/** The operations of `integer_binary`. */
export const integerOperations = {
  Add: 0,
  Sub: 1,
  Mul: 2,
  Div: 3,
  FloorMod: 4,
  TruncatedMod: 5,
  Max: 6,
  Min: 7,
  BitwiseAnd: 8,
  BitwiseOr: 9,
  BitwiseXor: 10,
  ShiftLeft: 11,
  ShiftRight: 12,
  Equal: 13,
  Greater: 14,
  GreaterOrEqual: 15,
  Less: 16,
  LessOrEqual: 17,
  Abs: 18,
  Sign: 19,
} as const

export type IntegerOperation = keyof typeof integerOperations

/** An operand: where it lies and its shape. */
export interface Operand {
  readonly address: number
  readonly shape: readonly number[]
}

/** The call of one broadcast operation on integers of `dtype`; b is an operand or one small number. None if y is empty. */
export function integerCall(
  operation: IntegerOperation,
  dtype: DType,
  a: Operand,
  b: Operand | number,
  y: Operand,
): KernelCall[] {
  const code = integerOperations[operation]
  const right = typeof b === 'number' ? { address: 0, shape: [] } : b
  const { size, inner, dims, steps, strides } = rowsOf(y.shape, [a.shape, right.shape])
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const type = scalarType(dtype)!
  const isComparison = code >= integerOperations.Equal && code <= integerOperations.LessOrEqual
  return [
    integer_binary(
      {
        a: a.address,
        b: right.address,
        y: y.address,
        size,
        chunk,
        operation: code,
        inner,
        aStep: steps[0],
        bStep: steps[1],
        rank: dims.length,
        type,
        yType: isComparison ? scalarTypes.bool : type,
        immediate: typeof b === 'number' ? b : 0,
      },
      tiles,
      [...dims, ...strides[0], ...strides[1]],
    ),
  ]
}

/** Whether input 1 is known to hold no 0: division by zero is an error, which kernels cannot raise. */
export const isSafeDivisor = (node: Node, constant: ConstantOf): boolean =>
  constant(node.inputs[1]!)
    ?.toNumbers()
    .every((divisor) => divisor !== 0) ?? false

/** An operation on two integers of one type, by what the node says; undefined: left to others. */
export const integerBinary = (
  choose: (node: Node, constant: ConstantOf) => IntegerOperation | undefined,
): Required<Pick<Lowering, 'accelerates' | 'lower'>> => ({
  accelerates: (node, constant) => {
    const [a, b] = node.inputs
    return isWhole(a!.dtype) && a!.dtype === b!.dtype && choose(node, constant) !== undefined
  },
  lower(node, { address, constant }) {
    const operand = (value: Value) => ({ address: address(value), shape: concrete(value.shape) })
    const [a, b] = node.inputs
    return integerCall(choose(node, constant)!, a!.dtype, operand(a!), operand(b!), operand(node.outputs[0]))
  },
})

/** An operation on integers and one constant. */
export const integerUnary = (
  operation: IntegerOperation,
  constant = 0,
): Required<Pick<Lowering, 'accelerates' | 'lower'>> => ({
  accelerates: ({ inputs: [x] }) => isWhole(x!.dtype),
  lower({ inputs: [x], outputs: [y] }, { address }) {
    const shape = concrete(y.shape)
    return integerCall(operation, x!.dtype, { address: address(x!), shape }, constant, { address: address(y), shape })
  },
})

/** y = x as another type, between the types of `scalarTypes`. */
export function convertCall(from: Value, to: Value, x: number, y: number): KernelCall[] {
  const size = sizeOf(concrete(to.shape))
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  return [convert_any({ x, y, size, chunk, from: scalarType(from.dtype)!, to: scalarType(to.dtype)! }, tiles)]
}

/** y = what the reference backend makes of x, by a table: for types of at most 8 bits. */
export function lookupCall(from: Value, to: Value, x: number, y: number): KernelCall[] {
  const size = sizeOf(concrete(to.shape))
  if (size === 0) return []
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
  const type = from.dtype as NumericDType
  const source = new Tensor(type, new (arrayOf(type))(codes.buffer) as TypedArray, [256])
  const table = castTensor(source, to.dtype, { saturate: true, roundMode: 'up' }).data as TypedArray
  const { chunk, tiles } = cut(size)
  const words = new Int32Array(table.buffer, table.byteOffset, table.byteLength / 4)
  return [lookup_b8({ x, y, size, chunk, elementBytes: bytesPerElement(to.dtype) }, tiles, [...words])]
}

const bitwise = (operation: IntegerOperation) => integerBinary(() => operation)

export const integerLowerings = {
  BitwiseAnd: bitwise('BitwiseAnd'),
  BitwiseOr: bitwise('BitwiseOr'),
  BitwiseXor: bitwise('BitwiseXor'),
  BitwiseNot: integerUnary('BitwiseXor', -1),
  BitShift: integerBinary(({ attributes }) => (attributes['direction'] === 'LEFT' ? 'ShiftLeft' : 'ShiftRight')),
  Mod: integerBinary((node, constant) => {
    if (!isSafeDivisor(node, constant)) return undefined
    return node.attributes['fmod'] === 1 ? 'TruncatedMod' : 'FloorMod'
  }),
} as const satisfies Record<string, Lowering>
