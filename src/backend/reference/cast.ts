import { arrayOf, type DType, isBigInt, isFloat, type NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { encodingOfDType, numberToFloat8e8m0, type RoundMode } from '../../core/minifloat.js'
import { Tensor } from '../../core/tensor.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** The shortest decimal that reads back as the same float32; NaN, INF and -INF as ONNX writes them. */
function formatFloat(value: number, dtype: DType): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'INF' : '-INF'
  if (Object.is(value, -0)) return '-0'
  if (dtype === 'float64') return String(value)
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return String(Number(text))
  }
  return String(Number(value.toPrecision(9)))
}

function parseFloatText(text: string): number {
  if (/^\s*[+-]?(inf|infinity)\s*$/i.test(text))
    return text.includes('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(value) && !/^\s*[+-]?nan\s*$/i.test(text))
    throw new LanewiseError('NUMERIC_ERROR', `'${text}' is no number`)
  return value
}

function parseInteger(text: string): bigint {
  if (/^\s*[+-]?\d+\s*$/.test(text)) return BigInt(text.trim().replace(/^\+/, ''))
  const value = parseFloatText(text)
  if (!Number.isFinite(value)) throw new LanewiseError('NUMERIC_ERROR', `'${text}' is no integer`)
  return BigInt(Math.trunc(value))
}

/** How numbers that a float of 8 bits cannot hold are converted, as ONNX Cast has it. */
export interface CastOptions {
  /** The largest finite number stands for what is too large; otherwise infinity or NaN does. True if absent. */
  readonly saturate?: boolean
  /** For float8e8m0 alone; `up` if absent. */
  readonly roundMode?: RoundMode
}

/** ONNX Cast: floats truncate toward zero, 64-bit integers wrap exactly, non-zero is true. */
export function castTensor(tensor: Tensor, dtype: DType, options: CastOptions = {}): Tensor {
  const { type, dims } = tensor
  const { saturate = true, roundMode = 'up' } = options
  if (type === 'string') {
    const text = tensor.data as string[]
    if (dtype === 'string') return new Tensor(dtype, [...text], dims)
    return isBigInt(dtype)
      ? tensorOfBigInts(dtype, text.map(parseInteger), dims)
      : castTensor(new Tensor('float64', Float64Array.from(text, parseFloatText), dims), dtype, options)
  }
  if (dtype === 'string')
    return new Tensor(
      dtype,
      isBigInt(type)
        ? Array.from(bigIntsOf(tensor), String)
        : Array.from(numbersOf(tensor), (value) => (isFloat(type) ? formatFloat(value, type) : String(value))),
      dims,
    )
  if (isBigInt(type) && !isFloat(dtype) && dtype !== 'bool') {
    const wrapped = bigIntsOf(tensor)
    return isBigInt(dtype)
      ? tensorOfBigInts(dtype, wrapped, dims)
      : tensorOf(
          dtype,
          Array.from(wrapped, (value) => Number(BigInt.asIntN(32, value))),
          dims,
        )
  }
  if (dtype === 'float8e8m0')
    return new Tensor(
      dtype,
      Uint8Array.from(numbersOf(tensor), (value) => numberToFloat8e8m0(value, saturate, roundMode)),
      dims,
    )
  const encoding = saturate ? undefined : encodingOfDType(dtype)
  if (encoding && arrayOf(dtype as NumericDType) === Uint8Array)
    return new Tensor(
      dtype,
      Uint8Array.from(numbersOf(tensor), (value) => encoding.encode(value, false)),
      dims,
    )
  return tensorOf(dtype, numbersOf(tensor).slice(), dims)
}
