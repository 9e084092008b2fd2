import { allocate, type DType, dtypeOfArray, type TypedArray } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { formatShape, sameShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

type Leaf = number | bigint | boolean | string | Tensor | TypedArray

/** What elements of type `T` are as a batch: a tensor wherever there was a value, or a list of numbers within. */
export type Stacked<T> = T extends Leaf ? Tensor : { [K in keyof T]: Part<T[K]> }
type Part<T> = T extends Leaf | readonly number[] ? Tensor : { [K in keyof T]: Part<T[K]> }

const isTyped = (value: unknown): value is TypedArray => ArrayBuffer.isView(value) && !(value instanceof DataView)

const isLeaf = (value: unknown): value is Leaf =>
  value instanceof Tensor || isTyped(value) || ['number', 'bigint', 'boolean', 'string'].includes(typeof value)

const dtypeOf: Readonly<Record<string, DType>> = {
  number: 'float32',
  bigint: 'int64',
  boolean: 'bool',
  string: 'string',
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number')

/** One value as a tensor; numbers are float32. */
function tensorOf(leaf: Leaf | readonly number[]): Tensor {
  if (leaf instanceof Tensor) return leaf
  if (Array.isArray(leaf)) return new Tensor('float32', leaf, [leaf.length])
  if (isTyped(leaf)) return new Tensor(dtypeOfArray(leaf), leaf, [leaf.length])
  return new Tensor(dtypeOf[typeof leaf], [leaf] as number[], [])
}

function stackLeaves(leaves: readonly (Leaf | readonly number[])[], place: string): Tensor {
  const [first, ...rest] = leaves.map(tensorOf)
  const odd = rest.findIndex((tensor) => tensor.type !== first.type || !sameShape(tensor.dims, first.dims))
  if (odd >= 0)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a batch needs elements alike${place}: element 0 is ${first.type} ${formatShape(first.dims)}, element ${odd + 1} is ${rest[odd].type} ${formatShape(rest[odd].dims)}`,
    )
  const size = sizeOf(first.dims)
  const dims = [leaves.length, ...first.dims]
  if (first.type === 'string')
    return new Tensor(
      'string',
      [first, ...rest].flatMap((tensor) => tensor.data as string[]),
      dims,
    )
  const data = allocate(first.type, size * leaves.length) as Float32Array
  data.set(first.data as Float32Array)
  rest.forEach((tensor, i) => {
    data.set(tensor.data as Float32Array, (i + 1) * size)
  })
  return new Tensor(first.type, data, dims)
}

/**
 * Elements of one structure as a batch: values along a new first axis. An element that is a list is [x, y, sampleWeight];
 * lists of numbers within are vectors. Throws SHAPE_MISMATCH, INVALID_DATA naming the place.
 */
export function stack<T>(elements: readonly T[], place = ''): Stacked<T> {
  const [first] = elements
  if (isLeaf(first) || (place && isVector(first)))
    return stackLeaves(elements as unknown as Leaf[], place && ` at ${place}`) as Stacked<T>
  const at = (key: string | number) => (place ? `${place}.${key}` : String(key))
  if (Array.isArray(first))
    return first.map((_, i) =>
      stack(
        (elements as unknown as unknown[][]).map((item) => item[i]),
        at(i),
      ),
    ) as unknown as Stacked<T>
  if (typeof first === 'object' && first !== null) {
    const records = elements as unknown as Record<string, unknown>[]
    const keys = Object.keys(first).filter((key) => records[0][key] !== undefined && records[0][key] !== null)
    return Object.fromEntries(
      keys.map((key) => [
        key,
        stack(
          records.map((record) => record[key]),
          at(key),
        ),
      ]),
    ) as unknown as Stacked<T>
  }
  throw new LanewiseError(
    'INVALID_DATA',
    `a batch cannot be made of ${first === null ? 'null' : typeof first}${place && ` at ${place}`}`,
  )
}
