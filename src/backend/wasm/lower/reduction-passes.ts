import type { ConstantOf, Node } from '../../../core/ir.js'
import { concrete } from '../../../core/shape.js'
import { reducedAxes } from '../../../ops/reduction.js'
import { type ReductionPass, reductionPasses } from '../../reduction.js'
import { CHUNK } from './tiles.js'

/** Rows longer than this are reduced in parts: a bound on the error of one running sum, and work for several threads. */
const ROW_PART = CHUNK
/** The same for columns: at least so many, at most so many rows in a part. */
const COLUMN_PART = { least: 16, most: 1024 } as const
/** With so many sums side by side there is work enough without parts, unless the columns are longer than the most. */
const INDEPENDENT = 8 * CHUNK
/** The parts that `length` elements are reduced in. */
export function partLengthOf(outer: number, length: number, inner: number): number {
  const part =
    inner === 1 ? ROW_PART : Math.min(COLUMN_PART.most, Math.max(COLUMN_PART.least, Math.ceil(CHUNK / inner)))
  const whole = length <= 2 * part || (outer * inner >= INDEPENDENT && length <= COLUMN_PART.most)
  return whole ? Math.max(length, 1) : part
}

export function passesOf({ inputs, attributes }: Node, constant: ConstantOf): ReductionPass[] {
  const shape = concrete(inputs[0]!.shape)
  const axes = inputs[1] ? constant(inputs[1])?.toNumbers() : undefined
  return reductionPasses(shape, reducedAxes(axes, shape.length, attributes), partLengthOf)
}

/** Units of the kernels of a pass, each of at most `columns` columns, and the tiles that they are cut into. */
export function unitsOf({ outer, inner, parts, partLength }: ReductionPass, columns: number) {
  const block = Math.min(inner, columns)
  const units = Math.max(1, Math.floor(CHUNK / Math.max(1, partLength * block)))
  const tiles = Math.max(1, Math.ceil((outer * parts * Math.ceil(inner / block)) / units))
  return { block, units, tiles }
}

/** What the results of a pass take, with slack. */
export const resultBytes = ({ outer, parts, inner }: ReductionPass, elementBytes: number): number =>
  Math.ceil((outer * parts * inner * elementBytes + 64) / 64) * 64
