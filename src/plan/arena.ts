import { bytesPerElement, type DType } from '../core/dtype.js'

/** How a backend's memory is cut into operands. */
export interface MemoryLayout {
  /** Offsets in the arena are multiples of it, in bytes. */
  readonly alignment: number
  /** Bytes behind every buffer that belong to it, a multiple of `alignment`: vector kernels may read past the end of an operand. */
  readonly slack: number
  bytesPerElement(dtype: DType): number
}

/** The layout of memory that the host shares: kernels may read, never write, up to 60 bytes past the end of an operand. */
export const hostLayout: MemoryLayout = { alignment: 64, slack: 64, bytesPerElement }

/** Memory that is needed from step `start` to step `end`, both included. */
export interface Buffer {
  readonly bytes: number
  readonly start: number
  readonly end: number
}

/** What a buffer of `bytes` takes up in the arena. */
export const reservedBytes = (bytes: number, { alignment, slack } = hostLayout): number =>
  Math.ceil(bytes / alignment) * alignment + slack

const length = (buffer: Buffer) => buffer.end - buffer.start + 1

const orders: readonly ((a: Buffer, b: Buffer) => number)[] = [
  (a, b) => b.bytes - a.bytes || length(b) - length(a) || a.start - b.start,
  (a, b) => b.bytes * length(b) - a.bytes * length(a) || a.start - b.start,
  (a, b) => length(b) - length(a) || b.bytes - a.bytes || a.start - b.start,
]

/**
 * An offset for each buffer, such that buffers alive at the same step are disjoint. Each buffer takes the tightest
 * gap that holds it; of a few placing orders the one with the smallest arena wins.
 */
export function packArena(
  buffers: readonly Buffer[],
  layout = hostLayout,
): { readonly offsets: readonly number[]; readonly bytes: number } {
  let best = { offsets: [] as readonly number[], bytes: Number.POSITIVE_INFINITY }
  const reserved = buffers.map(({ bytes, start, end }) => ({ bytes: reservedBytes(bytes), start, end }))
  const smallest = peakBytes(reserved, 1 + buffers.reduce((last, { end }) => Math.max(last, end), 0))
  for (const order of orders) {
    if (best.bytes <= smallest) break
    const candidate = packInOrder(
      buffers,
      buffers.map((_, index) => index).sort((a, b) => order(buffers[a], buffers[b]) || a - b),
      layout,
    )
    if (candidate.bytes < best.bytes) best = candidate
  }
  return best
}

function packInOrder(buffers: readonly Buffer[], sequence: readonly number[], layout: MemoryLayout) {
  const offsets = new Array<number>(buffers.length).fill(0)
  /** Indices of the placed buffers, by offset. */
  const placed: number[] = []
  let bytes = 0
  for (const index of sequence) {
    const { start, end } = buffers[index]
    const size = reservedBytes(buffers[index].bytes, layout)
    let tightest = Number.POSITIVE_INFINITY
    let offset = -1
    let free = 0
    for (const other of placed) {
      if (buffers[other].end < start || buffers[other].start > end) continue
      const gap = offsets[other] - free
      if (gap >= size && gap < tightest) {
        tightest = gap
        offset = free
      }
      free = Math.max(free, offsets[other] + reservedBytes(buffers[other].bytes, layout))
    }
    offsets[index] = offset < 0 ? free : offset
    bytes = Math.max(bytes, offsets[index] + size)
    const at = placed.findIndex((other) => offsets[other] > offsets[index])
    placed.splice(at < 0 ? placed.length : at, 0, index)
  }
  return { offsets, bytes }
}

/** The largest sum of bytes alive at one step. */
export function peakBytes(buffers: readonly Buffer[], steps: number): number {
  const change = new Array<number>(steps + 1).fill(0)
  for (const { bytes, start, end } of buffers) {
    change[start] += bytes
    change[end + 1] -= bytes
  }
  let alive = 0
  let peak = 0
  for (const delta of change) {
    alive += delta
    peak = Math.max(peak, alive)
  }
  return peak
}
