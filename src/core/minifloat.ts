import type { DType } from './dtype.js'
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from './half.js'

/** How the floats of a type turn into bits and back. */
export interface FloatEncoding {
  decode(bits: number): number
  /** To nearest, ties to even. What is too large becomes the largest finite number when `saturate` (default), else infinity or NaN. */
  encode(value: number, saturate?: boolean): number
}

/** A float of 8 or 4 bits with a sign. */
export interface FloatFormat {
  readonly exponentBits: number
  readonly mantissaBits: number
  readonly bias: number
  /**
   * The bit patterns that are no finite number: the highest exponent (`ieee`), all ones but the sign (`fn`), the sign
   * alone (`fnuz`, which has no -0), or none (`finite`; NaN becomes 0).
   */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'finite'
}

const roundToEven = (value: number): number => {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

function encodingOf({ exponentBits, mantissaBits, bias, special }: FloatFormat): FloatEncoding {
  const sign = 1 << (exponentBits + mantissaBits)
  const steps = 2 ** mantissaBits
  const minExponent = 1 - bias
  const infinity = special === 'ieee' ? sign - steps : undefined
  const nan = special === 'fnuz' ? sign : special === 'finite' ? 0 : sign - 1
  const largest = special === 'ieee' ? sign - steps - 1 : special === 'fn' ? sign - 2 : sign - 1
  const magnitudeOf = (code: number): number => {
    const exponent = code >> mantissaBits
    const fraction = (code & (steps - 1)) / steps
    return exponent === 0 ? fraction * 2 ** minExponent : (1 + fraction) * 2 ** (exponent - bias)
  }
  const limit = magnitudeOf(largest)
  const decoded = Float64Array.from({ length: 2 * sign }, (_, bits) => {
    const code = bits & (sign - 1)
    if (special === 'fnuz' && bits === sign) return Number.NaN
    if (code > largest) return code === infinity ? (bits & sign ? -1 : 1) * Number.POSITIVE_INFINITY : Number.NaN
    return (bits & sign ? -1 : 1) * magnitudeOf(code)
  })
  return {
    decode: (bits) => decoded[bits & (2 * sign - 1)],
    encode: (value, saturate = true) => {
      if (Number.isNaN(value)) return nan
      const negative = value < 0 || Object.is(value, -0) ? sign : 0
      const magnitude = Math.abs(value)
      const exponent = Math.max(minExponent, Math.min(1023, Math.floor(Math.log2(magnitude))))
      const quantum = 2 ** (exponent - mantissaBits)
      const rounded = Number.isFinite(magnitude) ? roundToEven(magnitude / quantum) * quantum : magnitude
      if (rounded > limit) {
        if (saturate || special === 'finite') return negative | largest
        return special === 'fnuz' ? nan : negative | (infinity ?? nan)
      }
      if (rounded === 0 && special === 'fnuz') return 0
      if (rounded < 2 ** minExponent) return negative | (rounded / 2 ** (minExponent - mantissaBits))
      const power = Math.floor(Math.log2(rounded))
      return negative | (((power + bias) << mantissaBits) + (rounded / 2 ** power - 1) * steps)
    },
  }
}

/** How a number between two powers of two becomes one of them; `nearest` takes the larger of two that are equally near. */
export type RoundMode = 'up' | 'down' | 'nearest'

export const roundModes: readonly RoundMode[] = ['up', 'down', 'nearest']

/**
 * float8e8m0 bits: a power of two from 2^-127 to 2^127 without sign (OCP Microscaling Formats 1.0). Infinity and NaN
 * become NaN, as do numbers too large where `saturate` is false.
 */
export function numberToFloat8e8m0(value: number, saturate = true, mode: RoundMode = 'up'): number {
  const magnitude = Math.abs(value)
  if (!Number.isFinite(magnitude)) return 255
  if (magnitude === 0) return 0
  const exponent = Math.floor(Math.log2(magnitude))
  const fraction = magnitude / 2 ** exponent
  const up = mode === 'up' ? fraction > 1 : mode === 'nearest' && fraction >= 1.5
  const code = exponent + 127 + (up ? 1 : 0)
  return code > 254 ? (saturate ? 254 : 255) : Math.max(code, 0)
}

/** The formats of OCP's 8-bit and 4-bit floats, and of Graphcore's and AMD's (`fnuz`). */
const formats = {
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'fnuz' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'fnuz' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'finite' },
} as const satisfies Partial<Record<DType, FloatFormat>>

/** The format of a float type of 8 or 4 bits with a sign; undefined for all other types. */
export const formatOfDType = (dtype: DType): FloatFormat | undefined =>
  (formats as Partial<Record<DType, FloatFormat>>)[dtype]

const wide: Readonly<Partial<Record<DType, FloatEncoding>>> = {
  float16: { decode: float16ToNumber, encode: numberToFloat16 },
  bfloat16: { decode: bfloat16ToNumber, encode: numberToBfloat16 },
  float8e8m0: { decode: (bits) => (bits === 255 ? Number.NaN : 2 ** (bits - 127)), encode: numberToFloat8e8m0 },
}

/** Those of the formats that were asked for: each has a table. */
const narrow = new Map<FloatFormat, FloatEncoding>()

/** The encoding of a float type that is held as raw bits; undefined for all other types. */
export function encodingOfDType(dtype: DType): FloatEncoding | undefined {
  const format = formatOfDType(dtype)
  if (!format) return wide[dtype]
  const known = narrow.get(format) ?? encodingOf(format)
  narrow.set(format, known)
  return known
}
