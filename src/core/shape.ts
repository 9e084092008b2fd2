import { LanewiseError } from './errors.js'

/** A dimension: its size, or the name of a size known only when the graph is specialised. */
export type Dim = number | string
export type Shape = readonly Dim[]

/** No tensor has more dimensions. */
export const highestRank = 64

/** No tensor has more elements. */
export const mostElements = 2 ** 31

/** Symbols name sizes; formulas that are longer than this say nothing to people. */
export const longestSymbol = 256

/** The shape of a value whose rank is not known while compiling: one symbol that stands for any dimensions. */
export const unranked: Shape = Object.freeze(['…'])

export const isUnranked = (shape: Shape): boolean => shape.length === 1 && shape[0] === unranked[0]

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** A type as people read it: `float32 [2, 3]`, `sequence of float32 […]`. */
export const formatType = (type: { dtype: string; shape: Shape; container?: string | undefined }): string =>
  `${type.container ? `${type.container} of ` : ''}${type.dtype} ${formatShape(type.shape)}`

export function isConcrete(shape: Shape): shape is readonly number[] {
  for (const dim of shape) if (typeof dim !== 'number') return false
  return true
}

/** The shape as numbers. Throws SHAPE_MISMATCH, naming `what`, if a dimension is symbolic. */
export function concrete(shape: Shape, what = 'value'): readonly number[] {
  if (!isConcrete(shape))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${what} has the symbolic shape ${formatShape(shape)}; bind its dimensions first`,
    )
  return shape
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const dim of shape) size *= dim
  return size
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false
  return true
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

/** `axis` in [0, rank), counting from the end when negative. Throws SHAPE_MISMATCH when out of range. */
export function normalizeAxis(axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= Math.max(rank, 1))
    throw new LanewiseError('SHAPE_MISMATCH', `axis ${axis} is out of range for rank ${rank}`)
  return normalized
}

/** As normalizeAxis, and a scalar has no axis. */
export function existingAxis(axis: number, rank: number): number {
  if (rank === 0) throw new LanewiseError('SHAPE_MISMATCH', `a scalar has no axis ${axis}`)
  return normalizeAxis(axis, rank)
}

/** The multidirectional broadcast of several shapes (NumPy's rule). Throws SHAPE_MISMATCH when they do not fit. */
export function broadcastShapes(...shapes: readonly Shape[]): Dim[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    let result: Dim = 1
    for (const shape of shapes) {
      const dim = shape[axis - rank + shape.length] ?? 1
      if (dim === 1 || dim === result) continue
      if (result === 1) result = dim
      else if (typeof dim === 'number' && typeof result === 'number')
        throw new LanewiseError('SHAPE_MISMATCH', `shapes ${shapes.map(formatShape).join(' and ')} do not broadcast`)
      else if (typeof dim === 'number') result = dim
    }
    return result
  })
}

/** Whether `shape` broadcasts to `target` without changing it, as far as the sizes that are known tell. */
export function broadcastsTo(shape: Shape, target: Shape): boolean {
  const offset = target.length - shape.length
  return (
    offset >= 0 &&
    shape.every((dim, axis) => {
      const wanted = target[axis + offset]
      return dim === 1 || dim === wanted || typeof dim === 'string' || typeof wanted === 'string'
    })
  )
}

/** Strides in elements that read `shape` as if it were broadcast to `target`: 0 along every repeated axis. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = stridesOf(shape)
  const offset = target.length - shape.length
  return target.map((_, axis) => (axis < offset || shape[axis - offset] === 1 ? 0 : strides[axis - offset]))
}

/**
 * The fewest axes that describe `operands` (strides in elements along `shape`): axes of size 1 are dropped, neighbours that all
 * operands cross with one stride are merged.
 */
export function collapseAxes(
  shape: readonly number[],
  operands: readonly (readonly number[])[],
): { readonly dims: number[]; readonly strides: number[][] } {
  const dims: number[] = []
  const strides: number[][] = operands.map(() => [])
  shape.forEach((dim, axis) => {
    if (dim === 1) return
    const last = dims.length - 1
    if (last >= 0 && operands.every((operand, i) => strides[i][last] === operand[axis] * dim)) {
      dims[last] *= dim
      operands.forEach((operand, i) => {
        strides[i][last] = operand[axis]
      })
    } else {
      dims.push(dim)
      operands.forEach((operand, i) => {
        strides[i].push(operand[axis])
      })
    }
  })
  return { dims, strides }
}

export const inversePermutation = (permutation: readonly number[]): number[] => {
  const inverse = new Array<number>(permutation.length)
  permutation.forEach((from, to) => {
    inverse[from] = to
  })
  return inverse
}

export const permute = <T>(items: readonly T[], permutation: readonly number[]): T[] =>
  permutation.map((axis) => items[axis])
