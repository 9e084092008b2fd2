import { rowOffset } from '../binary'
import { indexAt, word } from '../movement'

/**
 * `rows` rows of `depth` indices of `indexBytes` (4 or 8) bytes; each names `rowBytes` bytes of x. `perBatch` rows belong
 * to one batch of `batchBytes` bytes. After the fields: `depth` sizes, then as many strides of x in bytes.
 */
// @ts-ignore: decorator
@unmanaged
export class GatherNdParams { x: usize; indices: usize; y: usize; indexBytes: i32; depth: i32; rowBytes: i32; rows: i32; perBatch: i32; batchBytes: i32; chunk: i32 }

/** The byte offset that row `row` of the indices names; -1 if one of them is out of range. */
// @ts-ignore: decorator
@inline
function offsetOf(indices: usize, indexBytes: i32, row: i32, depth: i32, sizes: usize): isize {
  let offset: isize = 0
  for (let i = 0; i < depth; i++) {
    const at = indexAt(indices, indexBytes, row * depth + i, word(sizes, i))
    if (at < 0) return -1
    offset += <isize>at * word(sizes, depth + i)
  }
  return offset
}

/** y[r] = what row r of the indices names; a row of 0xFF bytes (NaN, or -1) where it names nothing. */
export function gather_nd(p: GatherNdParams, tile: i32, thread: i32): void {
  const sizes = changetype<usize>(p) + offsetof<GatherNdParams>()
  const bytes = <usize>p.rowBytes
  const to = min((tile + 1) * p.chunk, p.rows)
  let y = p.y + <usize>(tile * p.chunk) * bytes
  for (let row = tile * p.chunk; row < to; row++, y += bytes) {
    const offset = offsetOf(p.indices, p.indexBytes, row, p.depth, sizes)
    if (offset < 0) memory.fill(y, 0xFF, bytes)
    else memory.copy(y, p.x + <usize>(row / p.perBatch) * p.batchBytes + offset, bytes)
  }
}

/** What updates make of elements of type T, by `reduction`: 0 none, 1 add, 2 mul, 3 max, 4 min. */
// @ts-ignore: decorator
@inline
function reduced<T>(reduction: i32, a: T, b: T): T {
  switch (reduction) {
    case 0: return b
    case 1: return <T>(a + b)
    case 2: return <T>(a * b)
    case 3: return max<T>(a, b)
    default: return min<T>(a, b)
  }
}

function reduceRow<T>(reduction: i32, y: usize, update: usize, bytes: i32): void {
  for (let i = 0; i < bytes; i += sizeof<T>())
    store<T>(y + i, reduced<T>(reduction, load<T>(y + i), load<T>(update + i)))
}

/** As for gather_nd, without batches. A tile owns `chunk` bytes of each row. `reduction` is of elements of `type` (scalar.ts): float32, float64, int32 or int64. */
// @ts-ignore: decorator
@unmanaged
export class ScatterNdParams { updates: usize; indices: usize; y: usize; indexBytes: i32; depth: i32; rowBytes: i32; rows: i32; reduction: i32; type: i32; chunk: i32 }

/** What row r of the indices names in y = updates[r], or is combined with it, row after row. Rows that name nothing are passed over. */
export function scatter_nd(p: ScatterNdParams, tile: i32, thread: i32): void {
  const sizes = changetype<usize>(p) + offsetof<ScatterNdParams>()
  const from = tile * p.chunk
  const bytes = min(p.chunk, p.rowBytes - from)
  let update = p.updates + from
  for (let row = 0; row < p.rows; row++, update += p.rowBytes) {
    const offset = offsetOf(p.indices, p.indexBytes, row, p.depth, sizes)
    if (offset < 0) continue
    const y = p.y + offset + from
    if (p.reduction == 0) {
      memory.copy(y, update, bytes)
      continue
    }
    switch (p.type) {
      case 4: { reduceRow<i32>(p.reduction, y, update, bytes); break }
      case 6: { reduceRow<i64>(p.reduction, y, update, bytes); break }
      case 8: { reduceRow<f32>(p.reduction, y, update, bytes); break }
      default: reduceRow<f64>(p.reduction, y, update, bytes)
    }
  }
}

/**
 * Indices of `indexBytes` bytes, `size` of them in rows of `inner` (the last axis); each names an element of x [… axis …] in its own place
 * otherwise. Along a row x moves by `step` (0 where the indices are of the last axis), along the indexed axis by `stride`, in elements. The list
 * holds, for the `rank` axes outside a row, the dims of the indices, then the strides of x, 0 for the indexed axis.
 */
// @ts-ignore: decorator
@unmanaged
export class GatherElementsParams { x: usize; indices: usize; y: usize; indexBytes: i32; elementBytes: i32; axis: i32; stride: i32; step: i32; inner: i32; rank: i32; size: i32; chunk: i32 }

// @ts-ignore: decorator
@inline
function gatherPart<T>(p: GatherElementsParams, from: i32, to: i32): void {
  const dims = changetype<usize>(p) + offsetof<GatherElementsParams>()
  const strides = dims + (<usize>p.rank << 2)
  const inner = p.inner, axis = p.axis, stride = p.stride, step = p.step, indexBytes = p.indexBytes
  while (from < to) {
    const row = from / inner
    const column = from - row * inner
    const end = min(from + inner - column, to)
    let place = rowOffset(dims, strides, p.rank, row) + column * step
    for (; from < end; from++, place += step) {
      const at = indexAt(p.indices, indexBytes, from, axis)
      const y = p.y + <usize>from * sizeof<T>()
      if (at < 0) memory.fill(y, 0xFF, sizeof<T>())
      else store<T>(y, load<T>(p.x + <usize>(place + at * stride) * sizeof<T>()))
    }
  }
}

/** y[i] = the element of x that index i names. An index out of range gives NaN, or -1. */
export function gather_elements(p: GatherElementsParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk, to = min(from + p.chunk, p.size)
  switch (p.elementBytes) {
    case 1: { gatherPart<u8>(p, from, to); break }
    case 2: { gatherPart<u16>(p, from, to); break }
    case 4: { gatherPart<u32>(p, from, to); break }
    default: { gatherPart<u64>(p, from, to); break }
  }
}

/** As for gather_elements, of `type`; a tile owns `chunk` indices, which name what those of no other tile do. `reduction` as for scatter_nd. */
// @ts-ignore: decorator
@unmanaged
export class ScatterElementsParams { updates: usize; indices: usize; y: usize; indexBytes: i32; elementBytes: i32; axis: i32; stride: i32; step: i32; inner: i32; rank: i32; size: i32; chunk: i32; reduction: i32; type: i32 }

// @ts-ignore: decorator
@inline
function scatterPart<T>(p: ScatterElementsParams, from: i32, to: i32, reduction: i32): void {
  const dims = changetype<usize>(p) + offsetof<ScatterElementsParams>()
  const strides = dims + (<usize>p.rank << 2)
  const inner = p.inner, axis = p.axis, stride = p.stride, step = p.step, indexBytes = p.indexBytes
  while (from < to) {
    const row = from / inner
    const column = from - row * inner
    const end = min(from + inner - column, to)
    let place = rowOffset(dims, strides, p.rank, row) + column * step
    for (; from < end; from++, place += step) {
      const at = indexAt(p.indices, indexBytes, from, axis)
      if (at < 0) continue
      const y = p.y + <usize>(place + at * stride) * sizeof<T>()
      const update = load<T>(p.updates + <usize>from * sizeof<T>())
      store<T>(y, reduction == 0 ? update : reduced<T>(reduction, load<T>(y), update))
    }
  }
}

/** The element of y that index i names = updates[i], or is combined with it, in order. Indices out of range are passed over. */
export function scatter_elements(p: ScatterElementsParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk, to = min(from + p.chunk, p.size)
  if (p.reduction) {
    switch (p.type) {
      case 4: { scatterPart<i32>(p, from, to, p.reduction); break }
      case 6: { scatterPart<i64>(p, from, to, p.reduction); break }
      case 8: { scatterPart<f32>(p, from, to, p.reduction); break }
      default: scatterPart<f64>(p, from, to, p.reduction)
    }
    return
  }
  switch (p.elementBytes) {
    case 1: { scatterPart<u8>(p, from, to, 0); break }
    case 2: { scatterPart<u16>(p, from, to, 0); break }
    case 4: { scatterPart<u32>(p, from, to, 0); break }
    default: { scatterPart<u64>(p, from, to, 0); break }
  }
}
