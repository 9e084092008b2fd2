import { arrayOf, type DType, isBigInt } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { encodingOfDType } from '../../core/minifloat.js'
import { concrete, type Shape } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'

const wordSize = 2 ** 32

/** 64-bit integers as pairs of 32 bits, lower half first: arithmetic on BigInts takes many times as long. */
const halvesOf = (data: BigInt64Array | BigUint64Array): Int32Array =>
  new Int32Array(data.buffer, data.byteOffset, 2 * data.length)

/** The elements as float64, whatever the dtype; float64 storage is returned itself, not copied. Throws TYPE_MISMATCH on strings. */
export function numbersOf(tensor: Tensor): Float64Array {
  const { type, data } = tensor
  if (type === 'string') throw new LanewiseError('TYPE_MISMATCH', 'string elements are not numbers')
  if (type === 'float64') return data as Float64Array
  const encoding = encodingOfDType(type)
  if (!encoding && !isBigInt(type)) return new Float64Array(data as Float32Array)
  const numbers = new Float64Array(data.length)
  if (encoding) {
    const codes = data as Uint16Array
    for (let i = 0; i < codes.length; i++) numbers[i] = encoding.decode(codes[i])
    return numbers
  }
  const halves = halvesOf(data as BigInt64Array)
  const signed = type === 'int64'
  for (let i = 0; i < numbers.length; i++) {
    const upper = halves[2 * i + 1]
    numbers[i] = (signed ? upper : upper >>> 0) * wordSize + (halves[2 * i] >>> 0)
  }
  return numbers
}

/** How a number becomes an element of a type whose storage is wider than itself; undefined where storage converts. */
function narrowing(dtype: DType): ((value: number) => number) | undefined {
  switch (dtype) {
    case 'bool':
      return (value) => (value !== 0 ? 1 : 0)
    case 'uint4':
      return (value) => value & 15
    case 'int4':
      return (value) => (value << 28) >> 28
    case 'uint2':
      return (value) => value & 3
    case 'int2':
      return (value) => (value << 30) >> 30
    default:
      return undefined
  }
}

/** Integers of 64 bits, wrapped; 0 for what is not finite. */
function wideIntegers(values: ArrayLike<number>): BigInt64Array {
  const data = new BigInt64Array(values.length)
  const halves = halvesOf(data)
  for (let i = 0; i < values.length; i++) {
    const value = Math.trunc(values[i])
    if (!Number.isFinite(value)) continue
    const upper = Math.floor(value / wordSize)
    halves[2 * i] = value - upper * wordSize
    halves[2 * i + 1] = upper
  }
  return data
}

/**
 * A tensor of `dtype` from float64 elements: floats rounded to nearest even (8 and 4 bits: limited to their range), integers truncated toward zero and wrapped,
 * bool true where non-zero. Throws TYPE_MISMATCH on strings, SHAPE_MISMATCH on a symbolic shape.
 */
export function tensorOf(dtype: DType, values: ArrayLike<number>, shape: Shape): Tensor {
  const dims = concrete(shape)
  if (dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'numbers cannot fill a string tensor')
  if (dtype === 'float64')
    return new Tensor(dtype, values instanceof Float64Array ? values : Float64Array.from(values), dims)
  if (isBigInt(dtype)) {
    const data = wideIntegers(values)
    return new Tensor(dtype, dtype === 'uint64' ? new BigUint64Array(data.buffer) : data, dims)
  }
  const array = arrayOf(dtype) as Uint16ArrayConstructor
  const convert = encodingOfDType(dtype)?.encode ?? narrowing(dtype)
  if (!convert) return new Tensor(dtype, new array(values), dims)
  const data = new array(values.length)
  for (let i = 0; i < data.length; i++) data[i] = convert(values[i])
  return new Tensor(dtype, data, dims)
}

/** Whether float64 holds all integers of magnitude `bound` and less. */
export const isExact = (bound: number): boolean => bound <= Number.MAX_SAFE_INTEGER

/** The largest magnitude among `values`; 0 of none. */
export function largestOf(values: Float64Array): number {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]))
  return largest
}

/** The elements as exact integers. Throws TYPE_MISMATCH unless the tensor is int64 or uint64. */
export function bigIntsOf({ type, data }: Tensor): bigint[] {
  if (!isBigInt(type)) throw new LanewiseError('TYPE_MISMATCH', `${type} elements are not 64-bit integers`)
  return Array.from(data as BigInt64Array)
}

/** An int64 or uint64 tensor; integers beyond 64 bits wrap. */
export function tensorOfBigInts(dtype: DType, values: ArrayLike<bigint>, shape: Shape): Tensor {
  const array = dtype === 'uint64' ? BigUint64Array : BigInt64Array
  return new Tensor(dtype, array.from(Array.from(values)), concrete(shape))
}
