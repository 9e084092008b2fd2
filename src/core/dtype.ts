import { LanewiseError } from './errors.js'

/**
 * Element types, under their ONNX names. Floats of 16, 8 and 4 bits are held as raw bits, 16 of them in a Uint16Array,
 * fewer in a byte each; integers of 4 and 2 bits as numbers, one a byte. Files pack what is smaller than a byte.
 */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'uint4'
  | 'int4'
  | 'uint2'
  | 'int2'
  | 'string'

/** The typed arrays that tensors of numbers hold. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** The storage of a tensor: a typed array, or an array of strings for dtype `string`. */
export type TensorData = TypedArray | string[]

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
  float4e2m1: Uint8Array,
  uint4: Uint8Array,
  int4: Int8Array,
  uint2: Uint8Array,
  int2: Int8Array,
} as const

export type NumericDType = Exclude<DType, 'string'>

const numericDTypes = Object.keys(arrays) as NumericDType[]

/** The typed array class that stores `dtype`. */
export const arrayOf = (dtype: NumericDType) => arrays[dtype]

/** Storage size of one element in bytes; strings count 0, as they never enter backend memory. */
export const bytesPerElement = (dtype: DType): number => (dtype === 'string' ? 0 : arrays[dtype].BYTES_PER_ELEMENT)

/** ONNX's TensorProto.DataType code of each dtype. */
export const onnxTypeCode = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
} as const satisfies Record<DType, number>

/** The dtype of an ONNX TensorProto.DataType code; undefined for types that lanewise does not hold. */
export const dtypeOfCode = (code: number): DType | undefined =>
  (Object.keys(onnxTypeCode) as DType[]).find((dtype) => onnxTypeCode[dtype] === code)

export const isFloat = (dtype: DType): boolean => dtype.startsWith('float') || dtype === 'bfloat16'

/** float16 or bfloat16. */
export const isHalf = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** Bits of one element in a file: 2 and 4 for what is packed there. */
export const bitsPerElement = (dtype: NumericDType): number =>
  dtype === 'float4e2m1' || dtype === 'uint4' || dtype === 'int4'
    ? 4
    : dtype === 'uint2' || dtype === 'int2'
      ? 2
      : 8 * arrays[dtype].BYTES_PER_ELEMENT

export const isInteger = (dtype: DType): boolean => !isFloat(dtype) && dtype !== 'bool' && dtype !== 'string'

export const isBigInt = (dtype: DType): boolean => dtype === 'int64' || dtype === 'uint64'

/** Zero-filled storage for `size` elements (empty strings for dtype `string`). Throws OUT_OF_MEMORY. */
export function allocate(dtype: DType, size: number): TensorData {
  try {
    return dtype === 'string' ? new Array<string>(size).fill('') : new arrays[dtype](size)
  } catch (cause) {
    throw new LanewiseError('OUT_OF_MEMORY', `${size} elements of ${dtype} do not fit into this host's memory`, {
      cause,
    })
  }
}

/** The dtype that a bare typed array stands for; Uint16Array is uint16, Uint8Array uint8. */
export const dtypeOfArray = (data: TensorData): DType => {
  if (Array.isArray(data)) return 'string'
  for (const dtype of numericDTypes)
    if (dtype !== 'float16' && dtype !== 'bfloat16' && data instanceof arrays[dtype]) return dtype
  if ((data as unknown) instanceof Uint8ClampedArray) return 'uint8'
  throw new LanewiseError('TYPE_MISMATCH', `no element type is known for a ${(data as TypedArray).constructor.name}`)
}
