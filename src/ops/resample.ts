import { LanewiseError } from '../core/errors.js'
import { formatShape, normalizeAxis } from '../core/shape.js'
import { intAttribute, type OpDefinition } from './definition.js'
import { required } from './infer.js'
import type { AxisResize } from './resize.js'

/** Each element of an axis as a weighted sum of `taps` elements of another. */
export interface ResampleTable {
  readonly taps: number
  /** [to, taps] */
  readonly indices: Int32Array
  readonly weights: Float64Array
}

/** Where output element `at` lies on the input's axis. */
export function sourceCoordinate(axis: AxisResize, at: number): number {
  const { from, to, scale, roi, coordinates } = axis
  const width = scale * from
  switch (coordinates) {
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5
    case 'half_pixel_symmetric':
      return (from / 2) * (1 - to / width) + (at + 0.5) / scale - 0.5
    case 'pytorch_half_pixel':
      return width === 1 ? -0.5 : (at + 0.5) / scale - 0.5
    case 'align_corners':
      return width === 1 ? 0 : (at * (from - 1)) / (width - 1)
    case 'asymmetric':
      return at / scale
    case 'tf_crop_and_resize': {
      const span = (roi[1] - roi[0]) * (from - 1)
      return roi[0] * (from - 1) + (width === 1 ? span / 2 : (at * span) / (width - 1))
    }
  }
}

/** Output elements whose coordinate lies beyond the input; only tf_crop_and_resize tells them apart. */
export const liesOutside = (axis: AxisResize): boolean[] =>
  Array.from({ length: axis.to }, (_, at) => {
    if (axis.coordinates !== 'tf_crop_and_resize') return false
    const x = sourceCoordinate(axis, at)
    return x < 0 || x > axis.from - 1
  })

const rounding: Readonly<Record<AxisResize['nearest'], (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

const clamp = (index: number, size: number) => Math.min(Math.max(index, 0), size - 1)

/** For each output element, the input element that the nearest mode copies. */
export const nearestIndices = (axis: AxisResize): number[] =>
  Array.from({ length: axis.to }, (_, at) => clamp(rounding[axis.nearest](sourceCoordinate(axis, at)), axis.from))

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x))

/** Keys' cubic convolution (1981). */
const cubic =
  (a: number) =>
  (x: number): number => {
    const d = Math.abs(x)
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1
    return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0
  }

/** The weights of a linear or cubic mode. With `antialias` a smaller output averages over all that it leaves out. */
export function resampleTable(axis: AxisResize): ResampleTable {
  const { from, to, scale } = axis
  const kernel = axis.mode === 'cubic' ? cubic(axis.cubicA) : triangle
  const shrink = axis.antialias ? Math.min(scale, 1) : 1
  const reach = Math.ceil((axis.mode === 'cubic' ? 2 : 1) / shrink)
  const taps = 2 * reach
  const indices = new Int32Array(to * taps)
  const weights = new Float64Array(to * taps)
  for (let at = 0; at < to; at++) {
    const x = sourceCoordinate(axis, at)
    const first = Math.floor(x) - reach + 1
    let sum = 0
    for (let tap = 0; tap < taps; tap++) {
      const index = first + tap
      const outside = index < 0 || index >= from
      const weight = axis.excludeOutside && outside ? 0 : kernel((index - x) * shrink)
      indices[at * taps + tap] = clamp(index, from)
      weights[at * taps + tap] = weight
      sum += weight
    }
    for (let tap = 0; tap < taps; tap++) weights[at * taps + tap] /= sum
  }
  return { taps, indices, weights }
}

/** The table of the transposed map: what each of `from` input elements gives to the outputs. */
export function transposedTable(table: ResampleTable, from: number): ResampleTable {
  const givers: [at: number, weight: number][][] = Array.from({ length: from }, () => [])
  table.indices.forEach((index, entry) => {
    const weight = table.weights[entry]
    const row = givers[index]
    if (row === undefined)
      throw new LanewiseError('SHAPE_MISMATCH', `index ${index} is out of range for an axis of size ${from}`)
    const at = Math.floor(entry / table.taps)
    const last = row.at(-1)
    if (last?.[0] === at) last[1] += weight
    else if (weight !== 0) row.push([at, weight])
  })
  const taps = Math.max(1, ...givers.map((row) => row.length))
  const indices = new Int32Array(from * taps)
  const weights = new Float64Array(from * taps)
  givers.forEach((row, index) => {
    row.forEach(([at, weight], tap) => {
      indices[index * taps + tap] = at
      weights[index * taps + tap] = weight
    })
  })
  return { taps, indices, weights }
}

/** What a Resize along an axis comes to. */
export const resample = {
  /** x, indices and weights [size, taps] -> y: element i along `axis` is the sum over j of weights[i, j] x[indices[i, j]]. */
  'lanewise.Resample': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', required: true } },
    infer: (context) => {
      const [x, indices, weights] = [required(context, 0), required(context, 1), required(context, 2)]
      if (indices.shape.length !== 2 || indices.shape.some((dim, axis) => dim !== weights.shape[axis]))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `indices ${formatShape(indices.shape)} and weights ${formatShape(weights.shape)} must be of one shape [size, taps]`,
        )
      if (weights.dtype !== x.dtype || indices.dtype !== 'int32')
        throw new LanewiseError('TYPE_MISMATCH', `indices must be int32 and weights ${x.dtype}`)
      const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), x.shape.length)
      return [{ dtype: x.dtype, shape: x.shape.with(axis, indices.shape[0]) }]
    },
  },
} as const satisfies Record<string, OpDefinition>
