import { LanewiseError } from '../core/errors.js'
import { formatShape, normalizeAxis, type Shape } from '../core/shape.js'

/** The elements start, start + step, … that a slice takes along one axis. */
export interface AxisSlice {
  readonly start: number
  readonly step: number
  readonly count: number
}

/** Whatever the size, the slice takes the whole axis. */
interface WholeAxis {
  readonly start: 0
  readonly step: 1
  readonly count?: undefined
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high)

function sliceAxis(dim: number, start: number, end: number, step: number): AxisSlice {
  const from = clamp(start < 0 ? start + dim : start, 0, step > 0 ? dim : dim - 1)
  const to = clamp(end < 0 ? end + dim : end, step > 0 ? 0 : -1, dim)
  return { start: from, step, count: Math.max(0, Math.ceil((to - from) / step)) }
}

/**
 * What ONNX Slice takes along each axis of `shape`. On a symbolic dimension: a slice without count where it takes the
 * whole axis, undefined where its size cannot be told yet. Throws SHAPE_MISMATCH.
 */
export function slicesOf(
  shape: Shape,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] = starts.map((_, axis) => axis),
  steps: readonly number[] = starts.map(() => 1),
): (AxisSlice | WholeAxis | undefined)[] {
  if ([ends, axes, steps].some((list) => list.length !== starts.length))
    throw new LanewiseError('SHAPE_MISMATCH', 'starts, ends, axes and steps must have one length')
  const slices: (AxisSlice | WholeAxis | undefined)[] = shape.map((dim) =>
    typeof dim === 'number' ? { start: 0, step: 1, count: dim } : { start: 0, step: 1 },
  )
  axes.forEach((given, index) => {
    const axis = normalizeAxis(given, shape.length)
    const dim = shape[axis]
    const [start, end, step] = [starts[index], ends[index], steps[index]]
    if (step === 0) throw new LanewiseError('SHAPE_MISMATCH', `the step along axis ${axis} is 0`)
    if (typeof dim === 'number') slices[axis] = sliceAxis(dim, start, end, step)
    else if (start !== 0 || end < 2 ** 31 - 1 || step !== 1) slices[axis] = undefined
  })
  return slices
}

/** As slicesOf, where all dimensions are known. */
export const concreteSlices = (shape: readonly number[], ...rest: ParametersAfterFirst<typeof slicesOf>): AxisSlice[] =>
  slicesOf(shape, ...rest) as AxisSlice[]

type ParametersAfterFirst<F> = F extends (first: Shape, ...rest: infer R) => unknown ? R : never

export type PadMode = 'constant' | 'reflect' | 'edge' | 'wrap'

/** Elements that a Pad adds before and after each of `rank` axes; negative where it crops. Throws SHAPE_MISMATCH. */
export function padsOf(
  rank: number,
  pads: readonly number[],
  axes: readonly number[] = Array.from({ length: rank }, (_, axis) => axis),
): { begin: number[]; end: number[] } {
  if (pads.length !== 2 * axes.length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `pads ${formatShape(pads)} must hold two numbers for each of ${axes.length} axes`,
    )
  const begin = new Array<number>(rank).fill(0)
  const end = new Array<number>(rank).fill(0)
  axes.forEach((given, index) => {
    const axis = normalizeAxis(given, rank)
    begin[axis] = pads[index]
    end[axis] = pads[axes.length + index]
  })
  return { begin, end }
}

const modulo = (value: number, size: number) => ((value % size) + size) % size

/**
 * For each element of a padded axis of `dim` elements, the index that it copies; -1 where it takes the constant. Negative pads
 * crop first. Throws INVALID_MODEL, and SHAPE_MISMATCH where nothing is left to copy.
 */
export function padIndices(dim: number, begin: number, end: number, mode: PadMode): Int32Array {
  const skipped = Math.max(0, -begin)
  const margin = Math.max(0, begin)
  const kept = Math.max(0, dim - skipped + Math.min(0, end))
  const fold: Record<PadMode, (index: number) => number> = {
    constant: (index) => (index < 0 || index >= kept ? -1 - skipped : index),
    edge: (index) => clamp(index, 0, kept - 1),
    wrap: (index) => modulo(index, kept),
    reflect: (index) => {
      if (kept === 1) return 0
      const at = modulo(index, 2 * (kept - 1))
      return at < kept ? at : 2 * (kept - 1) - at
    },
  }
  if (!Object.hasOwn(fold, mode))
    throw new LanewiseError('INVALID_MODEL', `pad mode '${mode}' is none of ${Object.keys(fold).join(', ')}`)
  const length = Math.max(0, dim + begin + end)
  if (kept === 0 && length > 0 && mode !== 'constant')
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `pads ${begin} and ${end} leave nothing of ${dim} elements for mode ${mode}`,
    )
  return Int32Array.from({ length }, (_, index) => skipped + fold[mode](index - margin))
}
