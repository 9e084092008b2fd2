import { allocate, isBigInt } from '../../core/dtype.js'
import { concrete, normalizeAxis, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import type { selection } from '../../ops/selection.js'
import type { ReferenceKernel } from './kernel.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** A tensor as lines along `axis`: element i of line l lies at `start(l) + i * step`. */
function linesOf(dims: readonly number[], axis: number) {
  const step = sizeOf(dims.slice(axis + 1))
  const length = dims[axis] ?? 1
  return {
    step,
    length,
    count: sizeOf(dims.slice(0, axis)) * step,
    start: (line: number) => Math.floor(line / step) * step * length + (line % step),
  }
}

/** NaN counts as larger than every number. */
const order = (a: number | bigint, b: number | bigint): number =>
  Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a < b ? -1 : a > b ? 1 : 0

const topK: ReferenceKernel = ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), dims.length)
  const sign = intAttribute(attributes, 'largest') === 1 ? -1 : 1
  const from = linesOf(x!.dims, axis)
  const to = linesOf(dims, axis)
  const keys: ArrayLike<number | bigint> = isBigInt(dtype) ? bigIntsOf(x!) : numbersOf(x!)
  const source = x!.data as unknown as readonly unknown[]
  const values = allocate(dtype, sizeOf(dims)) as unknown[]
  const indices = new BigInt64Array(sizeOf(dims))
  for (let line = 0; line < from.count; line++) {
    const at = (i: number) => from.start(line) + i * from.step
    const sorted = Array.from({ length: from.length }, (_, i) => i).sort(
      (a, b) => sign * order(keys[at(a)], keys[at(b)]) || a - b,
    )
    for (let i = 0; i < to.length; i++) {
      values[to.start(line) + i * to.step] = source[at(sorted[i])]
      indices[to.start(line) + i * to.step] = BigInt(sorted[i])
    }
  }
  return [new Tensor(dtype, values as never, dims), new Tensor('int64', indices, dims)]
}

const trilu: ReferenceKernel = ({ inputs: [x, k], attributes }) => {
  const [rows, columns] = x!.dims.slice(-2)
  const diagonal = k?.toNumbers()[0] ?? 0
  const upper = intAttribute(attributes, 'upper') === 1
  const source = x!.data as unknown as readonly unknown[]
  const data = allocate(x!.type, x!.size) as unknown[]
  for (let i = 0; i < source.length; i++) {
    const offset = (i % columns) - (Math.floor(i / columns) % rows)
    if (upper ? offset >= diagonal : offset <= diagonal) data[i] = source[i]
  }
  return [new Tensor(x!.type, data as never, x!.dims)]
}

const eyeLike: ReferenceKernel = ({ outputs: [{ dtype, shape }], attributes }) => {
  const dims = concrete(shape)
  const k = intAttribute(attributes, 'k')
  const elements = Float64Array.from({ length: sizeOf(dims) }, (_, i) =>
    (i % dims[1]) - Math.floor(i / dims[1]) === k ? 1 : 0,
  )
  return [tensorOf(dtype, elements, dims)]
}

type Step = <T extends number | bigint>(total: T, element: T) => T

/** Running totals of the elements from `identity` on. */
const cumulative =
  (identity: 0 | 1, step: Step): ReferenceKernel =>
  ({ inputs: [x, axisInput], outputs: [{ dtype }], attributes }) => {
    const axis = normalizeAxis(axisInput!.toNumbers()[0], x!.dims.length)
    const exclusive = intAttribute(attributes, 'exclusive') === 1
    const reverse = intAttribute(attributes, 'reverse') === 1
    const lines = linesOf(x!.dims, axis)
    const run = <T extends number | bigint>(elements: ArrayLike<T>, first: T): T[] => {
      const totals = new Array<T>(elements.length)
      for (let line = 0; line < lines.count; line++) {
        let total = first
        for (let i = 0; i < lines.length; i++) {
          const at = lines.start(line) + (reverse ? lines.length - 1 - i : i) * lines.step
          const next = step(total, elements[at])
          totals[at] = exclusive ? total : next
          total = next
        }
      }
      return totals
    }
    return [
      isBigInt(dtype)
        ? tensorOfBigInts(dtype, run(bigIntsOf(x!), BigInt(identity)), x!.dims)
        : tensorOf(dtype, run<number>(numbersOf(x!), identity), x!.dims),
    ]
  }

/** The determinant of the n x n matrix at `offset`, by elimination with partial pivoting. */
function determinant(elements: Float64Array, offset: number, n: number): number {
  const a = elements.slice(offset, offset + n * n)
  let result = 1
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let row = column + 1; row < n; row++)
      if (Math.abs(a[row * n + column]) > Math.abs(a[pivot * n + column])) pivot = row
    const head = a[pivot * n + column]
    result *= pivot === column ? head : -head
    if (head === 0) return 0
    for (let j = column; j < n; j++) {
      const swapped = a[pivot * n + j]
      a[pivot * n + j] = a[column * n + j]
      a[column * n + j] = swapped
    }
    for (let row = column + 1; row < n; row++) {
      const factor = a[row * n + column] / head
      for (let j = column; j < n; j++) a[row * n + j] -= factor * a[column * n + j]
    }
  }
  return result
}

export const selectionKernels = {
  TopK: topK,
  Trilu: trilu,
  EyeLike: eyeLike,
  CumSum: cumulative(0, (total, element) => ((total as number) + (element as number)) as typeof total),
  CumProd: cumulative(1, (total, element) => ((total as number) * (element as number)) as typeof total),
  Det: ({ inputs: [x], outputs: [{ dtype, shape }] }) => {
    const dims = concrete(shape)
    const n = x!.dims[x!.dims.length - 1]
    const elements = numbersOf(x!)
    const results = Float64Array.from({ length: sizeOf(dims) }, (_, i) => determinant(elements, i * n * n, n))
    return [tensorOf(dtype, results, dims)]
  },
} as const satisfies Record<keyof typeof selection, ReferenceKernel>
