import { sizeOf } from '../core/shape.js'

/** One step of a reduction: x [outer, length, inner] to y [outer, parts, inner], each part `partLength` long. */
export interface ReductionPass {
  readonly outer: number
  readonly length: number
  readonly inner: number
  readonly parts: number
  readonly partLength: number
}

/**
 * The passes that reduce `axes` (0 or more) of `shape`: innermost axes first, long ones in parts. `partLengthOf` gives the
 * length of the parts of [outer, length, inner], at least 1.
 */
export function reductionPasses(
  shape: readonly number[],
  axes: readonly number[],
  partLengthOf: (outer: number, length: number, inner: number) => number,
): ReductionPass[] {
  // Neighbouring axes of one fate are one; axes of size 1 do not matter.
  const groups: { size: number; reduced: boolean }[] = []
  shape.forEach((size, axis) => {
    const reduced = axes.includes(axis)
    const last = groups.at(-1)
    if (size === 1) return
    if (last && last.reduced === reduced) last.size *= size
    else groups.push({ size, reduced })
  })
  const passes: ReductionPass[] = []
  const add = (outer: number, length: number, inner: number): void => {
    const partLength = partLengthOf(outer, length, inner)
    const parts = Math.max(1, Math.ceil(length / partLength))
    passes.push({ outer, length, inner, parts, partLength })
    if (parts > 1) add(outer, parts, inner)
  }
  const product = (from: number, to?: number) => sizeOf(groups.slice(from, to).map(({ size }) => size))
  for (let index = groups.length - 1; index >= 0; index--) {
    if (!groups[index].reduced) continue
    add(product(0, index), groups[index].size, product(index + 1))
    groups.splice(index, 1)
  }
  if (passes.length === 0) add(1, 1, product(0))
  return passes
}
