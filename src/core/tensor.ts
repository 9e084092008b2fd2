import {
  allocate,
  arrayOf,
  type DType,
  dtypeOfArray,
  isBigInt,
  type NumericDType,
  type TensorData,
  type TypedArray,
} from './dtype.js'
import { LanewiseError } from './errors.js'
import { encodingOfDType } from './minifloat.js'
import { formatShape, permute, sizeOf } from './shape.js'

/**
 * A dense, row-major tensor on the host. The constructor takes onnxruntime-common's forms:
 * `new Tensor('float32', data, dims)`, `new Tensor(typedArray, dims)`; plain number arrays are converted to the dtype.
 * Typed arrays of the right class are kept, not copied; those of float16 hold its bits. Throws SHAPE_MISMATCH or TYPE_MISMATCH.
 */
export class Tensor {
  readonly type: DType
  readonly data: TensorData
  readonly dims: readonly number[]
  /** The tensor that this one is a transpose of, if its elements are copied only once they are asked for: see `transposed`. */
  readonly origin?: { readonly source: Tensor; readonly perm: readonly number[] }

  /** Tensors of other copies of lanewise that a program holds are tensors, too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: subclasses inherit it, and have instances of their own
    if (this !== Tensor) return Function.prototype[Symbol.hasInstance].call(this, value)
    // biome-ignore-end lint/complexity/noThisInStatic: as above
    return !!(value as Tensor | null)?.toNumbers
  }

  constructor(type: DType, data: TensorData | readonly (number | bigint | boolean | string)[], dims?: readonly number[])
  constructor(data: TensorData | readonly number[], dims?: readonly number[])
  constructor(...args: readonly unknown[]) {
    const typed = typeof args[0] === 'string'
    const source = (typed ? args[1] : args[0]) as TensorData | readonly (number | bigint | boolean | string)[]
    if (source === undefined || (!Array.isArray(source) && !ArrayBuffer.isView(source)))
      throw new LanewiseError('TYPE_MISMATCH', 'a tensor needs a typed array, or an array of numbers or strings')
    this.type = typed
      ? (args[0] as DType)
      : Array.isArray(source)
        ? inferDType(source)
        : isFloat16Array(source)
          ? 'float16'
          : dtypeOfArray(source as TypedArray)
    this.data = toStorage(this.type, source)
    const dims = (typed ? args[2] : args[1]) ?? [this.data.length]
    if (!Array.isArray(dims)) throw new LanewiseError('SHAPE_MISMATCH', `dims must be a list of sizes, got ${dims}`)
    this.dims = Object.freeze([...dims])
    checkDims(dims)
    if (sizeOf(this.dims) !== this.data.length)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `a tensor of shape ${formatShape(this.dims)} needs ${sizeOf(this.dims)} elements, its data has ${this.data.length}`,
      )
  }

  /** Zero-filled (or empty strings). Throws SHAPE_MISMATCH, and OUT_OF_MEMORY where the host has no room for so many. */
  static zeros(type: DType, dims: readonly number[]): Tensor {
    checkDims(dims)
    return new Tensor(type, allocate(type, sizeOf(dims)), dims)
  }

  /** A shape without elements, for ops that look at shapes alone: `data` is empty. */
  static hollow(type: DType, dims: readonly number[]): Tensor {
    const fields = { type, data: allocate(type, 0), dims: Object.freeze([...dims]) }
    return Object.assign(Object.create(Tensor.prototype), fields) as Tensor
  }

  /** `source` with its axes in the order `perm`; `copy` gives the elements in that order, when `data` is first asked for. */
  static transposed(source: Tensor, perm: readonly number[], copy: () => TensorData): Tensor {
    let data: TensorData | undefined
    const dims = Object.freeze(permute(source.dims, perm))
    const fields = { type: source.type, dims, origin: { source, perm } }
    const get = (): TensorData => {
      data ??= copy()
      return data
    }
    return Object.defineProperty(Object.assign(Object.create(Tensor.prototype), fields), 'data', { get }) as Tensor
  }

  /** Every element set to `value`. Throws TYPE_MISMATCH for a fraction in 64-bit integers. */
  static full(type: NumericDType, dims: readonly number[], value: number): Tensor {
    const tensor = Tensor.zeros(type, dims)
    if (isBigInt(type)) (tensor.data as BigInt64Array).fill(wholeNumber(value, type))
    else (tensor.data as Float32Array).fill(encodingOfDType(type)?.encode(value) ?? value)
    return tensor
  }

  static scalar(value: number, type: NumericDType = 'float32'): Tensor {
    return Tensor.full(type, [], value)
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.dims)
  }

  /** The same elements under other dims. */
  reshape(dims: readonly number[]): Tensor {
    return new Tensor(this.type, this.data, dims)
  }

  /** The elements as a plain array of numbers (64-bit integers and small floats converted; strings refused). */
  toNumbers(): number[] {
    if (this.type === 'string') throw new LanewiseError('TYPE_MISMATCH', 'a string tensor has no numbers')
    const convert = encodingOfDType(this.type)?.decode ?? Number
    return Array.from(this.data as ArrayLike<number>, (element) => convert(element))
  }

  /** Present for onnxruntime's face; the data is always on the host. */
  async getData(): Promise<TensorData> {
    return this.data
  }

  dispose(): void {}
}

function checkDims(dims: readonly number[]): void {
  if (dims.some((dim) => !Number.isInteger(dim) || dim < 0))
    throw new LanewiseError('SHAPE_MISMATCH', `dims are whole numbers of 0 or more, got ${formatShape(dims)}`)
}

const inferDType = (source: readonly unknown[]): DType =>
  typeof source[0] === 'string'
    ? 'string'
    : typeof source[0] === 'bigint'
      ? 'int64'
      : typeof source[0] === 'boolean'
        ? 'bool'
        : 'float32'

function toStorage(type: DType, source: TensorData | readonly (number | bigint | boolean | string)[]): TensorData {
  if (type === 'string') {
    if (Array.isArray(source) && source.every((item) => typeof item === 'string')) return source as string[]
    throw new LanewiseError('TYPE_MISMATCH', 'a string tensor needs an array of strings')
  }
  const array = arrayOf(type)
  if (array === undefined) throw new LanewiseError('TYPE_MISMATCH', `unknown element type '${type}'`)
  if (source instanceof array) return source
  if (type === 'uint8' && source instanceof Uint8ClampedArray) return new Uint8Array(source)
  if (type === 'float16' && isFloat16Array(source))
    return new Uint16Array(source.buffer, source.byteOffset, source.byteLength / 2)
  if (ArrayBuffer.isView(source))
    throw new LanewiseError('TYPE_MISMATCH', `a ${type} tensor needs a ${array.name}, got a ${source.constructor.name}`)
  const list = source as readonly number[]
  if (isBigInt(type))
    return (array as typeof BigInt64Array).from(list, (item, i) => wholeNumber(checked(item, i), type))
  const encode = encodingOfDType(type)?.encode
  return (array as typeof Float32Array).from(list, (item, i) => {
    const value = Number(checked(item, i))
    return encode ? encode(value) : value
  })
}

/** Refuses an element that is no number: lists within a list, or gaps, would count as NaN. */
function checked<T>(item: T, index: number): T {
  if (['number', 'bigint', 'boolean'].includes(typeof item)) return item
  const got = JSON.stringify(item)?.slice(0, 40)
  throw new LanewiseError(
    'TYPE_MISMATCH',
    `element ${index} must be a number, got ${got}; data are one list, dims their shape`,
  )
}

function wholeNumber(value: number | bigint | boolean, type: DType): bigint {
  if (typeof value === 'number' && !Number.isInteger(value))
    throw new LanewiseError('TYPE_MISMATCH', `a ${type} tensor needs whole numbers, got ${value}`)
  return BigInt(value)
}

/** Float16Array, where the host has it: the bits of its elements are what a float16 tensor holds. */
const isFloat16Array = (source: unknown): source is Uint16Array =>
  ArrayBuffer.isView(source) && Object.prototype.toString.call(source) === '[object Float16Array]'
