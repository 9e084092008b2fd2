import { arrayOf, bytesPerElement, type DType, type NumericDType, type TypedArray } from '../../../core/dtype.js'
import type { Value } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { Tensor } from '../../../core/tensor.js'
import { castTensor } from '../../reference/cast.js'
import type { KernelCall } from '../gen/kernels.js'
import { convert_any, lookup_b8, wide_binary } from '../gen/rare-wide-elementwise.js'
import type { Operand } from './binary.js'
import { type LoweringContext, SCRATCH_BYTES } from './lowering.js'
import { isWhole, scalarType } from './scalar-types.js'
import { rowsOf } from './strides.js'
import { cut } from './tiles.js'

/** The operations of `assembly/rare/wide.ts`. */
export const wideOperations = {
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
  Pow: 20,
  Sqrt: 21,
} as const

export type WideOperation = keyof typeof wideOperations

/** Whether a kernel takes the operation on `dtype`: all of them integers, float64 those that are listed. */
export const takes = (operation: WideOperation, dtype: DType): boolean =>
  isWhole(dtype)
    ? operation !== 'Sqrt' && (operation !== 'Pow' || dtype !== 'uint64')
    : dtype === 'float64' && /^(Add|Sub|Mul|Div|Max|Min|Equal|Greater|Less|Abs|Sqrt)/.test(operation)

type Scratch = Pick<LoweringContext, 'scratch'>

/**
 * The call of one broadcast operation on elements of `dtype`; b is an operand or one small whole number. Results are of `dtype` or, for
 * comparisons, bool, unless `yType` says that they are converted. None if y is empty.
 */
export function wideCall(
  operation: WideOperation,
  dtype: DType,
  a: Operand,
  b: Operand | number,
  y: Operand,
  { scratch }: Scratch,
  yType: DType = /Equal|Greater|Less/.test(operation) ? 'bool' : dtype,
): KernelCall[] {
  const right = typeof b === 'number' ? { address: 0, shape: [] } : b
  const { size, inner, dims, steps, strides } = rowsOf(y.shape, [a.shape, right.shape])
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const types = { type: scalarType(dtype)!, yType: scalarType(yType)! }
  const places = { a: a.address, b: right.address, y: y.address, scratch: scratch(), scratchBytes: SCRATCH_BYTES }
  const rows = { size, chunk, inner, aStep: steps[0], bStep: steps[1], rank: dims.length }
  const immediate = typeof b === 'number' ? b : 0
  const p = { ...places, ...rows, ...types, operation: wideOperations[operation], immediate }
  return [wide_binary(p, tiles, [...dims, ...strides[0], ...strides[1]])]
}

/** y = x as another type, between the types of `scalarTypes`. */
export function convertCall(from: Value, to: Value, x: number, y: number, { scratch }: Scratch): KernelCall[] {
  const size = sizeOf(concrete(to.shape))
  if (size === 0) return []
  const { chunk, tiles } = cut(size)
  const places = { x, y, scratch: scratch(), scratchBytes: SCRATCH_BYTES }
  return [convert_any({ ...places, size, chunk, from: scalarType(from.dtype)!, to: scalarType(to.dtype)! }, tiles)]
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
