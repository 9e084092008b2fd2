import type { TypedArray } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { fromNested, isNested, type Nested } from '../core/nested.js'
import { formatShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { Dataset } from './dataset.js'

/** Samples along the first axis: a tensor, `{ data, shape }`, a typed array or nested lists of numbers or texts; several in a list or an object. */
export type Arrays =
  | Tensor
  | { readonly data: TypedArray; readonly shape: readonly number[] }
  | TypedArray
  | Nested
  | readonly Arrays[]
  | { readonly [name: string]: Arrays }

interface Column {
  readonly count: number
  row(index: number): unknown
}

const isShaped = (value: object): value is { data: TypedArray; shape: readonly number[] } =>
  'data' in value && 'shape' in value && ArrayBuffer.isView(value.data)

function columnOf(arrays: Arrays): Column {
  if (arrays instanceof Tensor) return rowsOf(arrays)
  if (ArrayBuffer.isView(arrays)) {
    const data = arrays as unknown as ArrayLike<number>
    return { count: data.length, row: (index) => data[index] }
  }
  if (isShaped(arrays)) return rowsOf(new Tensor(arrays.data, arrays.shape))
  if (Array.isArray(arrays)) {
    if (typeof arrays[0] !== 'object') return { count: arrays.length, row: (index) => arrays[index] }
    if (isNested(arrays)) return rowsOf(fromNested(arrays, 'a dataset'))
    const columns = (arrays as readonly Arrays[]).map(columnOf)
    return { count: countOf(columns), row: (index) => columns.map((column) => column.row(index)) }
  }
  const columns = Object.entries(arrays).map(([name, value]) => [name, columnOf(value)] as const)
  return {
    count: countOf(columns.map(([, column]) => column)),
    row: (index) => Object.fromEntries(columns.map(([name, column]) => [name, column.row(index)])),
  }
}

/** A row of a vector is a number, one of a matrix a tensor that shares its elements. */
function rowsOf(tensor: Tensor): Column {
  const [count, ...dims] = tensor.dims
  if (count === undefined) throw new LanewiseError('SHAPE_MISMATCH', 'a dataset needs arrays with an axis of samples')
  const data = tensor.data as Float32Array
  if (dims.length === 0) return { count, row: (index) => new Tensor(tensor.type, data.slice(index, index + 1), []) }
  const size = sizeOf(dims)
  return { count, row: (index) => new Tensor(tensor.type, data.subarray(index * size, (index + 1) * size), dims) }
}

function countOf(columns: readonly Column[]): number {
  const counts = columns.map(({ count }) => count)
  if (counts.length === 0 || counts.some((count) => count !== counts[0]))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the arrays of a dataset need as many samples each, got ${formatShape(counts)}`,
    )
  return counts[0]
}

/** One sample of arrays: [x, y] and, where there are any, its weight. */
export type Sample = readonly [x: Tensor, y: Tensor, sampleWeight?: Tensor]

/**
 * The samples of arrays, one after the other: [x, y, sampleWeight], without what is not given; x alone where there is no
 * y. Elements are shared with the arrays. Throws SHAPE_MISMATCH.
 */
export function fromArrays(x: Arrays): Dataset<Tensor>
export function fromArrays(x: Arrays, y: Arrays, sampleWeight?: Arrays): Dataset<Sample>
export function fromArrays(x: Arrays, y?: Arrays, sampleWeight?: Arrays): Dataset<Tensor> | Dataset<Sample> {
  const given = [x, y, sampleWeight].flatMap((arrays) => (arrays === undefined ? [] : [columnOf(arrays)]))
  const count = countOf(given)
  return new Dataset<Sample>(function* () {
    for (let index = 0; index < count; index++) {
      const parts = given.map((column) => column.row(index))
      yield (parts.length === 1 ? parts[0] : parts) as unknown as Sample
    }
  }, count)
}

/** What `make` gives for each epoch: a generator function, or one that gives an iterable, an async one, too. */
export const fromGenerator = <T>(
  make: (epoch: number) => Iterable<T> | AsyncIterable<T>,
  { size }: { readonly size?: number } = {},
): Dataset<T> => new Dataset(make, size)
