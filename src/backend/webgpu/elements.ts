import { arrayOf, bytesPerElement, type DType, isBigInt, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { MemoryLayout } from '../../plan/arena.js'

/** The scalar types of WGSL that elements have. */
export type ElementType = 'f32' | 'i32' | 'u32'

const elementTypes: Partial<Record<DType, ElementType>> = {
  float32: 'f32',
  bool: 'u32',
  uint8: 'u32',
  uint16: 'u32',
  uint32: 'u32',
  float16: 'u32',
  bfloat16: 'u32',
  float8e4m3fn: 'u32',
  float8e4m3fnuz: 'u32',
  float8e5m2: 'u32',
  float8e5m2fnuz: 'u32',
  float8e8m0: 'u32',
  float4e2m1: 'u32',
  int8: 'i32',
  int16: 'i32',
  int32: 'i32',
  int64: 'i32',
  uint4: 'u32',
  int4: 'i32',
  uint2: 'u32',
  int2: 'i32',
}

/** Bytes of an element, whatever its dtype. */
export const ELEMENT_BYTES = 4

/** The WGSL type of an element of `dtype`; undefined for dtypes that GPU buffers do not hold. */
export const elementTypeOf = (dtype: DType): ElementType | undefined => elementTypes[dtype]

/** Offsets on multiples of 256 bytes may be bound on every device. */
export const gpuLayout: MemoryLayout = { alignment: 256, slack: 0, bytesPerElement: () => ELEMENT_BYTES }

const lanes = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const

const unsupported = (dtype: DType, what: string) =>
  new LanewiseError('UNSUPPORTED_OP', `${what} is ${dtype}, which GPU buffers do not hold; use the wasm backend`)

/**
 * `data` in the form that GPU buffers hold. Throws TYPE_MISMATCH unless `data` is of `dtype`, SHAPE_MISMATCH unless it has
 * `size` elements, NUMERIC_ERROR for 64-bit integers beyond 32 bits, UNSUPPORTED_OP. Errors name `what`.
 */
export function toGpu(
  dtype: DType,
  data: TypedArray,
  size: number,
  what: string,
): Float32Array | Int32Array | Uint32Array {
  const type = elementTypeOf(dtype)
  if (type === undefined) throw unsupported(dtype, what)
  const expected = arrayOf(dtype as NumericDType)
  if (!(data instanceof expected))
    throw new LanewiseError(
      'TYPE_MISMATCH',
      `${what} is ${dtype} and takes a ${expected.name}, got a ${(data as object).constructor.name}`,
    )
  if (data.length !== size)
    throw new LanewiseError('SHAPE_MISMATCH', `${what} has ${size} elements, got ${data.length}`)
  if (isBigInt(dtype)) {
    const out = new Int32Array(size)
    ;(data as BigInt64Array).forEach((element, i) => {
      out[i] = Number(element)
      if (BigInt(out[i]) !== element)
        throw new LanewiseError(
          'NUMERIC_ERROR',
          `${what} holds ${element} at ${i}; the GPU has int64 in 32 bits only, use the wasm backend`,
        )
    })
    return out
  }
  return bytesPerElement(dtype) === ELEMENT_BYTES ? (data as Float32Array) : lanes[type].from(data as Uint8Array)
}

/** The elements of `dtype` that `bytes`, copied from a GPU buffer, hold. Takes `bytes` over. */
export function fromGpu(dtype: DType, bytes: ArrayBuffer): TypedArray {
  const type = elementTypeOf(dtype)
  if (type === undefined) throw unsupported(dtype, 'an operand')
  const held = new lanes[type](bytes)
  if (isBigInt(dtype)) return BigInt64Array.from(held, BigInt)
  const array = arrayOf(dtype as NumericDType)
  return held instanceof array ? held : (array as typeof Uint8Array).from(held)
}
