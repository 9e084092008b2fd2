import { allocate, arrayOf, isBigInt, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { encodingOfDType } from '../../core/minifloat.js'
import { fromNested, type Nested } from '../../core/nested.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'

/** An array whose first axis is the samples: a Tensor, a typed array, `{ data, shape }`, or nested lists of numbers or strings. */
export type ArrayLikeData =
  | Tensor
  | TypedArray
  | { readonly data: TypedArray; readonly shape: readonly number[] }
  | Nested

/** One array, or one for each input or output: a list, or an object by name. */
export type DataLike = ArrayLikeData | readonly ArrayLikeData[] | Readonly<Record<string, ArrayLikeData>>

const isShaped = (value: unknown): value is { data: TypedArray; shape: readonly number[] } =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value && ArrayBuffer.isView(value.data)

/** The data as a Tensor. Throws INVALID_ARGUMENT, and for lists SHAPE_MISMATCH and TYPE_MISMATCH, naming `what`. */
export function toTensor(data: ArrayLikeData, what: string): Tensor {
  if (data instanceof Tensor) return data
  if (isShaped(data)) return new Tensor(data.data, data.shape)
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return new Tensor(data)
  if (Array.isArray(data)) return fromNested(data, what)
  throw invalid(`${what} must be a Tensor, a typed array, { data, shape }, or nested lists of numbers or strings`)
}

const isOne = (data: DataLike): data is ArrayLikeData =>
  data instanceof Tensor ||
  ArrayBuffer.isView(data) ||
  isShaped(data) ||
  (Array.isArray(data) &&
    (data.length === 0 || typeof data[0] !== 'object' || (Array.isArray(data[0]) && !isMixed(data))))

const isMixed = (list: readonly unknown[]): boolean => list.some((item) => item instanceof Tensor || isShaped(item))

/**
 * One tensor for each of `names`; undefined where an object lacks it, or a list has null, and `isSpare` says so. Throws
 * INVALID_ARGUMENT naming what is missing or too much.
 */
export function toTensors(data: DataLike, names: readonly string[], what: string): Tensor[]
export function toTensors(
  data: DataLike,
  names: readonly string[],
  what: string,
  isSpare: (index: number) => boolean,
): (Tensor | undefined)[]
export function toTensors(
  data: DataLike,
  names: readonly string[],
  what: string,
  isSpare: (index: number) => boolean = () => false,
): (Tensor | undefined)[] {
  const isNestedForEach = names.length > 1 && Array.isArray(data) && Array.isArray(data[0])
  if (isOne(data) && !isNestedForEach) {
    if (names.length !== 1)
      throw invalid(
        `${what}: the model has ${names.length} (${names.join(', ')}), got one array; give a list or an object`,
      )
    return [toTensor(data, what)]
  }
  if (Array.isArray(data)) {
    if (data.length !== names.length)
      throw invalid(`${what}: the model has ${names.length} (${names.join(', ')}), got ${data.length} arrays`)
    return data.map((item, i) => {
      const isLeft = (item === null || item === undefined) && isSpare(i)
      return isLeft ? undefined : toTensor(item as ArrayLikeData, `${what} '${names[i]}'`)
    })
  }
  const given: unknown = data
  const isFunction = typeof given === 'function'
  if (!isFunction && (typeof given !== 'object' || given === null))
    throw invalid(
      `${what}: give a Tensor, a typed array, { data, shape }, nested lists, or one of these for each, got ${given}`,
    )
  if (isFunction || Symbol.iterator in given || Symbol.asyncIterator in given)
    throw invalid(
      `${what}: got ${isFunction ? 'a function' : 'an iterable'}, not arrays; for batches [x, y], give datasets.fromGenerator(function that yields them) in place of x`,
    )
  const record = data as Readonly<Record<string, ArrayLikeData>>
  const unknown = Object.keys(record).find((key) => !names.includes(key))
  if (unknown !== undefined) throw invalid(`${what}: there is no '${unknown}'; the model has ${names.join(', ')}`)
  return names.map((name, i) => {
    const given = record[name] ?? undefined
    if (given === undefined && !isSpare(i)) throw invalid(`${what}: '${name}' is missing`)
    return given && toTensor(given, `${what} '${name}'`)
  })
}

/** The tensor in another element type; the same object if it has it already. Throws TYPE_MISMATCH for strings. */
export function castTensor(tensor: Tensor, dtype: NumericDType, what: string): Tensor {
  if (tensor.type === dtype) return tensor
  if (tensor.type === 'string' || encodingOfDType(tensor.type))
    throw new LanewiseError('TYPE_MISMATCH', `${what} is ${tensor.type}; convert it to ${dtype} first`)
  const source = tensor.data as ArrayLike<number | bigint>
  const data = isBigInt(dtype)
    ? BigInt64Array.from(source as ArrayLike<number>, (value) => BigInt(value))
    : (arrayOf(dtype) as typeof Float32Array).from(source as ArrayLike<number>, Number)
  return new Tensor(dtype, data, tensor.dims)
}

/** `given` as int32: numbers of `classes` classes (null: not known), or `ignored`. Throws INVALID_DATA naming `what` and the wrong one. */
export function checkClasses(
  given: Tensor,
  classes: number | null | undefined,
  what: string,
  ignored?: number,
): Tensor {
  const labels = castTensor(given, 'int32', what)
  const data = labels.data as Int32Array
  const original = given.data as ArrayLike<number | bigint>
  const broken = data.findIndex((label, i) => Number(original[i]) !== label)
  if (broken >= 0)
    throw new LanewiseError(
      'INVALID_DATA',
      `${what}: element ${broken} is ${original[broken]}, not the number of a class: a whole number, 0 for the first`,
    )
  const most = classes ?? Number.POSITIVE_INFINITY
  const wrong = data.findIndex((label) => (label < 0 || label >= most) && label !== ignored)
  if (wrong < 0) return labels
  throw new LanewiseError(
    'INVALID_DATA',
    `${what}: element ${wrong} is class ${data[wrong]}; ${classes ? `the model has the classes 0 to ${classes - 1}` : 'classes are numbered from 0'}`,
  )
}

/** Rows [start, end) without a copy of the elements. */
export function rowsOf(tensor: Tensor, start: number, end: number): Tensor {
  const row = sizeOf(tensor.dims.slice(1))
  const data = (tensor.data as TypedArray).subarray(start * row, end * row)
  return new Tensor(tensor.type, data, [end - start, ...tensor.dims.slice(1)])
}

/** Rows `order[from … to)` of `tensor`, copied to the start of `target`. */
export function gatherRows(tensor: Tensor, order: Int32Array, from: number, to: number, target: TypedArray): void {
  const row = sizeOf(tensor.dims.slice(1))
  const source = tensor.data as Float32Array
  for (let i = from; i < to; i++)
    (target as Float32Array).set(source.subarray(order[i] * row, (order[i] + 1) * row), (i - from) * row)
}

/** Zero-filled room for `rows` rows of `tensor`. */
export const roomFor = (tensor: Tensor, rows: number): TypedArray =>
  allocate(tensor.type, rows * sizeOf(tensor.dims.slice(1))) as TypedArray

/** The number of samples, the same in all tensors. Throws SHAPE_MISMATCH. */
export function countSamples(tensors: readonly Tensor[]): number {
  const count = tensors[0]?.dims[0] ?? 0
  const wrong = tensors.find((tensor) => tensor.dims[0] !== count)
  if (wrong)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `inputs, targets and weights need as many samples each, got ${tensors.map((tensor) => formatShape(tensor.dims)).join(', ')}`,
    )
  if (count === 0) throw new LanewiseError('INVALID_DATA', 'there are no samples')
  return count
}

/**
 * A weight for each sample (or each step of each sample) from a weight for each class; targets are class numbers where
 * `isSparse`, or end with an axis of probabilities, or of one class number.
 */
export function classWeights(y: Tensor, weights: Readonly<Record<number, number>>, isSparse: boolean): Tensor {
  const { dims } = y
  const isAxis = dims.length > 1 && (!isSparse || dims.at(-1) === 1)
  const classes = isAxis ? dims.at(-1)! : 1
  const wrong = Object.keys(weights).find((key) => !/^\d+$/.test(key) || (classes > 1 && Number(key) >= classes))
  if (wrong !== undefined) throw invalid(`classWeight: '${wrong}' is not the number of a class, 0 for the first`)
  const shape = isAxis ? dims.slice(0, -1) : dims
  const data = y.data as ArrayLike<number | bigint>
  const result = Float32Array.from({ length: sizeOf(shape) }, (_, sample) => {
    let label = 0
    if (classes === 1) label = Math.round(Number(data[sample]))
    else for (let i = 1; i < classes; i++) if (data[sample * classes + i] > data[sample * classes + label]) label = i
    return weights[label] ?? 1
  })
  return new Tensor('float32', result, shape)
}
