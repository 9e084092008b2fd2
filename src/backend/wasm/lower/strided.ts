import { sizeOf } from '../../../core/shape.js'
import type { KernelCall } from '../gen/kernels.js'
import { copy_bytes, strided_copy_w32, transpose_w32 } from '../gen/movement.js'
import { strided_copy_any, transpose_any } from '../gen/rare-movement.js'
import { CHUNK, cut } from './tiles.js'

/** Bytes of a tile that is copied whole. */
const COPY_BYTES = 262144
/** Rows and columns of a block of the transpose kernel. */
const BLOCK_ROWS = 16
const BLOCK_COLUMNS = 1024

/** One axis of a copy: its size, and the steps in elements along it in the source and in the target. */
export interface CopyAxis {
  readonly size: number
  readonly from: number
  readonly to: number
}

/** Copies `bytes` bytes between addresses that do not overlap. */
export function copyCall(from: number, to: number, bytes: number): KernelCall {
  const { chunk, tiles } = cut(bytes, COPY_BYTES)
  return copy_bytes({ x: from, y: to, bytes, chunk }, tiles)
}

/** Without axes of one element; neighbours that both sides walk as one are one. */
function collapse(axes: readonly CopyAxis[]): CopyAxis[] {
  const result: CopyAxis[] = []
  for (const axis of axes) {
    if (axis.size === 1) continue
    const outer = result.at(-1)
    if (outer && outer.from === axis.from * axis.size && outer.to === axis.to * axis.size)
      result[result.length - 1] = { ...axis, size: outer.size * axis.size }
    else result.push(axis)
  }
  return result
}

/**
 * The calls that copy elements of `elementBytes` bytes along `axes`, outermost first, from the address `from` to the
 * address `to` of their first elements. Steps of the source may be negative or 0.
 */
export function stridedCopy(
  from: number,
  to: number,
  elementBytes: number,
  axes: readonly CopyAxis[],
): readonly KernelCall[] {
  const size = sizeOf(axes.map((axis) => axis.size))
  if (size === 0) return []
  const collapsed = collapse(axes)
  const inner = collapsed.at(-1)
  if (inner === undefined) return [copyCall(from, to, elementBytes)]
  if (collapsed.length === 1 && inner.from === 1 && inner.to === 1) return [copyCall(from, to, size * elementBytes)]

  const words = (list: readonly CopyAxis[]) => [
    ...list.map((axis) => axis.size),
    ...list.map((axis) => axis.from * elementBytes),
    ...list.map((axis) => axis.to * elementBytes),
  ]
  const rowAxis = collapsed.findIndex((axis) => axis.from === 1)
  if (inner.to === 1 && inner.from !== 1 && inner.from !== 0 && rowAxis >= 0) {
    const row = collapsed[rowAxis]
    const outer = collapsed.filter((axis) => axis !== row && axis !== inner)
    const blocks =
      sizeOf(outer.map((axis) => axis.size)) * Math.ceil(row.size / BLOCK_ROWS) * Math.ceil(inner.size / BLOCK_COLUMNS)
    const blockElements = Math.min(row.size, BLOCK_ROWS) * Math.min(inner.size, BLOCK_COLUMNS)
    const { chunk, tiles } = cut(blocks, Math.max(1, Math.floor(CHUNK / blockElements)))
    const p = {
      x: from,
      y: to,
      rows: row.size,
      columns: inner.size,
      xStride: inner.from * elementBytes,
      yStride: row.to * elementBytes,
      blocks,
      chunk,
      elementBytes,
      rank: outer.length,
    }
    const transpose = elementBytes === 4 ? transpose_w32 : transpose_any
    return [transpose(p, tiles, words(outer))]
  }
  const padded = collapsed.length === 1 ? [{ size: 1, from: 0, to: 0 }, inner] : collapsed
  const { chunk, tiles } = cut(size)
  const p = { x: from, y: to, size, chunk, elementBytes, rank: padded.length }
  const copy = elementBytes === 4 ? strided_copy_w32 : strided_copy_any
  return [copy(p, tiles, words(padded))]
}
