import { sizeOf } from '../../../core/shape.js'
import { unitsOf } from './reduction-passes.js'

/** Elements of a block of `assembly/rare/wide.ts`. */
export const BLOCK = 512

/** Lines of `shape` along `axis` as [outer, length, inner], in units of columns, and the tiles that these are cut into. */
export function wideLines(shape: readonly number[], axis: number) {
  const length = shape[axis] ?? 1
  const pass = { outer: sizeOf(shape.slice(0, axis)), length, inner: sizeOf(shape.slice(axis + 1)) }
  return { ...pass, ...unitsOf({ ...pass, parts: 1, partLength: length }, BLOCK) }
}
