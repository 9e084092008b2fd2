import type { Dim, Shape } from '../core/shape.js'

/** `permutation[i]` is the source axis of axis i of the result, as Transpose's `perm`. */
export type Permutation = readonly number[]

export const identity = (rank: number): Permutation => Array.from({ length: rank }, (_, axis) => axis)

export const isIdentity = (permutation: Permutation): boolean => permutation.every((from, axis) => from === axis)

/** The one permutation that stands for transposing by `first`, then by `second`. */
export const compose = (first: Permutation, second: Permutation): Permutation => second.map((axis) => first[axis])

/** The same permutation on the last axes of a tensor of higher rank. */
export const onRank = (permutation: Permutation, rank: number): Permutation => {
  const added = rank - permutation.length
  return [...identity(added), ...permutation.map((axis) => axis + added)]
}

/** `shape` behind leading axes of size 1. */
export const shapeOnRank = (shape: Shape, rank: number): Dim[] => [
  ...new Array<Dim>(rank - shape.length).fill(1),
  ...shape,
]

/** Whether a transpose of `shape` keeps the order of the elements, as only axes of size 1 change places. */
export const keepsOrder = (shape: Shape, permutation: Permutation): boolean => {
  const moved = permutation.filter((axis) => shape[axis] !== 1)
  return moved.every((axis, index) => index === 0 || axis > moved[index - 1])
}

/**
 * The permutation that is left of `permutation` when the source axes `axes` are gone.
 */
export const without = (permutation: Permutation, axes: readonly number[]): Permutation => {
  const kept = permutation.filter((axis) => !axes.includes(axis))
  const order = [...kept].sort((a, b) => a - b)
  return kept.map((axis) => order.indexOf(axis))
}
