import { allocate, isBigInt, type TensorData } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { formatShape, normalizeAxis, sizeOf, stridesOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { compaction } from '../../ops/compaction.js'
import { intAttribute } from '../../ops/definition.js'
import type { ReferenceKernel } from './kernel.js'
import { isExact, largestOf, numbersOf, tensorOf } from './numbers.js'

/** A tensor as slices along one axis: element (o, i, k) lies at (o * length + i) * inner + k. */
interface Slices {
  readonly outer: number
  readonly length: number
  readonly inner: number
}

function slicesOf(dims: readonly number[], axis: number | undefined): Slices {
  if (axis === undefined) return { outer: 1, length: sizeOf(dims), inner: 1 }
  const at = normalizeAxis(axis, dims.length)
  return { outer: sizeOf(dims.slice(0, at)), length: dims[at], inner: sizeOf(dims.slice(at + 1)) }
}

/** The slices `chosen`, in that order; elements of the flattened tensor without an axis. */
function take(tensor: Tensor, axis: number | undefined, chosen: readonly number[]): Tensor {
  const { outer, length, inner } = slicesOf(tensor.dims, axis)
  const source = tensor.data as unknown as readonly unknown[]
  const data = allocate(tensor.type, outer * chosen.length * inner) as unknown as unknown[]
  let at = 0
  for (let o = 0; o < outer; o++)
    for (const i of chosen) for (let k = 0; k < inner; k++) data[at++] = source[(o * length + i) * inner + k]
  const dims =
    axis === undefined ? [chosen.length] : tensor.dims.with(normalizeAxis(axis, tensor.dims.length), chosen.length)
  return new Tensor(tensor.type, data as unknown as TensorData, dims)
}

const int64 = (values: ArrayLike<number>, dims: readonly number[] = [values.length]): Tensor =>
  tensorOf('int64', values, dims)

/** The elements in a form that < and === order and compare. */
function ordered(tensor: Tensor): ArrayLike<number | string | bigint> {
  if (tensor.type === 'string') return tensor.data as string[]
  const numbers = numbersOf(tensor)
  return isBigInt(tensor.type) && !isExact(largestOf(numbers)) ? (tensor.data as BigInt64Array) : numbers
}

const nonZero: ReferenceKernel = ({ inputs: [x] }) => {
  const { dims, type } = x!
  const elements = ordered(x!)
  const found: number[] = []
  for (let at = 0; at < elements.length; at++)
    if (type === 'string' ? elements[at] !== '' : Number(elements[at]) !== 0) found.push(at)
  const shape = dims.length > 0 ? dims : [1]
  const strides = stridesOf(shape)
  const indices = new Float64Array(shape.length * found.length)
  shape.forEach((dim, axis) => {
    for (let i = 0; i < found.length; i++) indices[axis * found.length + i] = Math.floor(found[i] / strides[axis]) % dim
  })
  return [int64(indices, [shape.length, found.length])]
}

const compress: ReferenceKernel = ({ inputs: [x, condition], attributes }) => {
  const axis = intAttribute(attributes, 'axis') as number | undefined
  const { length } = slicesOf(x!.dims, axis)
  const flags = condition!.data as Uint8Array
  if (flags.length > length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${flags.length} conditions for ${length} slices of ${formatShape(x!.dims)}`,
    )
  const chosen = Array.from(flags.keys()).filter((index) => flags[index] !== 0)
  return [take(x!, axis, chosen)]
}

const unique: ReferenceKernel = ({ inputs: [x], attributes }) => {
  const axis = intAttribute(attributes, 'axis') as number | undefined
  const { outer, length, inner } = slicesOf(x!.dims, axis)
  const elements = ordered(x!)
  const slice = (i: number) => {
    const items: (number | string | bigint)[] = []
    for (let o = 0; o < outer; o++) for (let k = 0; k < inner; k++) items.push(elements[(o * length + i) * inner + k])
    return items
  }
  const slices = Array.from({ length }, (_, i) => slice(i))
  const groups = new Map<unknown, number[]>()
  slices.forEach((items, i) => {
    // -0 and 0 are one value, as are all NaN.
    const key =
      items.length === 1
        ? items[0]
        : JSON.stringify(items.map((item) => (typeof item === 'string' ? item : `${item === 0 ? 0 : item}`)))
    const known = groups.get(key)
    if (known) known.push(i)
    else groups.set(key, [i])
  })
  const found = [...groups.values()]
  if (intAttribute(attributes, 'sorted') === 1) found.sort(([a], [b]) => compareSlices(slices[a], slices[b]))
  const inverse = new Array<number>(length)
  found.forEach((members, index) => {
    for (const member of members) inverse[member] = index
  })
  const first = found.map(([index]) => index)
  return [take(x!, axis, first), int64(first), int64(inverse), int64(found.map((members) => members.length))]
}

/** Lexicographic, NaN last. */
function compareSlices(a: readonly (number | string | bigint)[], b: readonly (number | string | bigint)[]): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] < b[i]) return -1
    if (a[i] > b[i]) return 1
    const missing = Number(Number.isNaN(a[i])) - Number(Number.isNaN(b[i]))
    if (missing !== 0) return missing
  }
  return 0
}

/** Greedy suppression by score, as in R-CNN (Girshick et al., 2014). */
const nonMaxSuppression: ReferenceKernel = ({ inputs: [boxes, scores, most, overlap, least], attributes }) => {
  const [batches, count] = boxes!.dims
  const [, classes] = scores!.dims
  const { corners, areas } = cornersOf(boxes!, intAttribute(attributes, 'center_point_box') === 1)
  const score = scores!.data as Float32Array
  const limit = most ? numbersOf(most)[0] : 0
  const threshold = overlap ? numbersOf(overlap)[0] : 0
  const floor = least ? numbersOf(least)[0] : Number.NEGATIVE_INFINITY
  const kept: number[] = []

  /** Intersection over union of the boxes `a` and `b`, counted over all images. */
  const shared = (a: number, b: number): number => {
    const height = Math.min(corners[4 * a + 2], corners[4 * b + 2]) - Math.max(corners[4 * a], corners[4 * b])
    const width = Math.min(corners[4 * a + 3], corners[4 * b + 3]) - Math.max(corners[4 * a + 1], corners[4 * b + 1])
    if (height <= 0 || width <= 0) return 0
    const common = height * width
    return common / (areas[a] + areas[b] - common)
  }

  for (let batch = 0; batch < batches; batch++)
    for (let kind = 0; kind < classes; kind++) {
      const at = (batch * classes + kind) * count
      const order = Array.from({ length: count }, (_, index) => index)
        .filter((index) => score[at + index] > floor)
        .sort((a, b) => score[at + b] - score[at + a] || a - b)
      const chosen: number[] = []
      for (const index of order) {
        if (chosen.length >= limit) break
        const box = batch * count + index
        if (!chosen.some((other) => shared(box, batch * count + other) > threshold)) chosen.push(index)
      }
      for (const index of chosen) kept.push(batch, kind, index)
    }
  return [int64(kept, [kept.length / 3, 3])]
}

/** The corners [y1, x1, y2, x2] of all boxes, in order, and their areas. */
function cornersOf(boxes: Tensor, centered: boolean) {
  const data = boxes.data as Float32Array
  const corners = new Float64Array(data.length)
  const areas = new Float64Array(data.length / 4)
  for (let box = 0; box < areas.length; box++) {
    const [a, b, c, d] = data.subarray(4 * box, 4 * box + 4)
    corners.set(
      centered
        ? [b - d / 2, a - c / 2, b + d / 2, a + c / 2]
        : [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)],
      4 * box,
    )
    areas[box] = (corners[4 * box + 2] - corners[4 * box]) * (corners[4 * box + 3] - corners[4 * box + 1])
  }
  return { corners, areas }
}

export const compactionKernels = {
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
} as const satisfies Record<keyof typeof compaction, ReferenceKernel>
