import { type DType, isBigInt, isFloat } from '../../core/dtype.js'
import { Tensor } from '../../core/tensor.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** The shortest decimal that reads back as the same float32; NaN, INF and -INF as ONNX writes them. */
function formatFloat(value: number, dtype: DType): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'INF' : '-INF'
  if (dtype === 'float64') return String(value)
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return String(Number(text))
  }
  return String(Number(value.toPrecision(9)))
}

const parseFloatText = (text: string): number =>
  /^\s*[+-]?(inf|infinity)\s*$/i.test(text)
    ? text.includes('-')
      ? Number.NEGATIVE_INFINITY
      : Number.POSITIVE_INFINITY
    : Number(text)

/** ONNX Cast: floats truncate toward zero, 64-bit integers wrap exactly, non-zero is true. */
export function castTensor(tensor: Tensor, dtype: DType): Tensor {
  const { type, dims } = tensor
  if (type === 'string') {
    const text = tensor.data as string[]
    if (dtype === 'string') return new Tensor(dtype, [...text], dims)
    return isBigInt(dtype)
      ? tensorOfBigInts(dtype, text.map(BigInt), dims)
      : tensorOf(dtype, text.map(parseFloatText), dims)
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
  return tensorOf(dtype, numbersOf(tensor).slice(), dims)
}
