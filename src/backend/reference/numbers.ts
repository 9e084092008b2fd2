import { arrayOf, type DType, isBigInt, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { encodingOfDType } from '../../core/minifloat.js'
import { concrete, type Shape } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'

/** The elements as float64, whatever the dtype; float64 storage is returned itself, not copied. Throws TYPE_MISMATCH on strings. */
export function numbersOf(tensor: Tensor): Float64Array {
  const { type, data } = tensor
  if (type === 'string') throw new LanewiseError('TYPE_MISMATCH', 'string elements are not numbers')
  if (type === 'float64') return data as Float64Array
  const encoding = encodingOfDType(type)
  if (encoding) return Float64Array.from(data as Uint16Array, encoding.decode)
  if (isBigInt(type)) return Float64Array.from(data as unknown as ArrayLike<number>, Number)
  return Float64Array.from(data as ArrayLike<number>)
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

const toBigInt = (value: number): bigint => (Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n)

/**
 * A tensor of `dtype` from float64 elements: floats rounded to nearest even (8 and 4 bits: limited to their range), integers truncated toward zero and wrapped,
 * bool true where non-zero. Throws TYPE_MISMATCH on strings, SHAPE_MISMATCH on a symbolic shape.
 */
export function tensorOf(dtype: DType, values: ArrayLike<number>, shape: Shape): Tensor {
  const dims = concrete(shape)
  if (dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'numbers cannot fill a string tensor')
  if (dtype === 'float64')
    return new Tensor(dtype, values instanceof Float64Array ? values : Float64Array.from(values), dims)
  const array = arrayOf(dtype) as Uint16ArrayConstructor
  const encoding = encodingOfDType(dtype)
  const narrow = narrowing(dtype)
  const data: TypedArray = encoding
    ? array.from(values, (value) => encoding.encode(value))
    : narrow
      ? array.from(values, narrow)
      : isBigInt(dtype)
        ? (arrayOf('int64') as BigInt64ArrayConstructor).from(Array.from(values, toBigInt))
        : array.from(values)
  return new Tensor(dtype, dtype === 'uint64' ? new BigUint64Array(data.buffer) : data, dims)
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
