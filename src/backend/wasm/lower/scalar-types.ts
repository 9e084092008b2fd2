import type { DType } from '../../../core/dtype.js'

/** The element types of `assembly/rare/scalar.ts`. */
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
