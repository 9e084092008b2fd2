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

/** What an update makes of an element. */
function reduced(reduction: i32, a: f32, b: f32): f32 {
  switch (reduction) {
    case 0: return b
    case 1: return a + b
    case 2: return a * b
    case 3: return max<f32>(a, b)
    default: return min<f32>(a, b)
  }
}

/** As for gather_nd, without batches. A tile owns `chunk` bytes of each row. `reduction`: 0 none; else of float32: 1 add, 2 mul, 3 max, 4 min. */
// @ts-ignore: decorator
@unmanaged
export class ScatterNdParams { updates: usize; indices: usize; y: usize; indexBytes: i32; depth: i32; rowBytes: i32; rows: i32; reduction: i32; chunk: i32 }

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
    if (p.reduction) for (let i = 0; i < bytes; i += 4) store<f32>(y + i, reduced(p.reduction, load<f32>(y + i), load<f32>(update + i)))
    else memory.copy(y, update, bytes)
  }
}

/** data [outer, axis, inner], indices [outer, count, inner] of `indexBytes` bytes; elements of `elementBytes` (1, 2, 4 or 8). */
// @ts-ignore: decorator
@unmanaged
export class GatherElementsParams { x: usize; indices: usize; y: usize; indexBytes: i32; elementBytes: i32; axis: i32; count: i32; inner: i32; size: i32; chunk: i32 }

// @ts-ignore: decorator
@inline
function gatherPart<T>(p: GatherElementsParams, i: i32, to: i32): void {
  const inner = p.inner, block = p.count * inner
  for (; i < to; i++) {
    const at = indexAt(p.indices, p.indexBytes, i, p.axis)
    const y = p.y + <usize>i * sizeof<T>()
    if (at < 0) memory.fill(y, 0xFF, sizeof<T>())
    else store<T>(y, load<T>(p.x + <usize>((i / block * p.axis + at) * inner + i % inner) * sizeof<T>()))
  }
}

/** y[o][i][k] = x[o][indices[o][i][k]][k]. An index out of range gives NaN, or -1. */
export function gather_elements(p: GatherElementsParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk, to = min(from + p.chunk, p.size)
  switch (p.elementBytes) {
    case 1: { gatherPart<u8>(p, from, to); break }
    case 2: { gatherPart<u16>(p, from, to); break }
    case 4: { gatherPart<u32>(p, from, to); break }
    default: { gatherPart<u64>(p, from, to); break }
  }
}

/** As for gather_elements. A tile owns `chunk` of the `outer` blocks. `reduction`: 0 none; else of float32: 1 add, 2 mul, 3 max, 4 min. */
// @ts-ignore: decorator
@unmanaged
export class ScatterElementsParams { updates: usize; indices: usize; y: usize; indexBytes: i32; elementBytes: i32; axis: i32; count: i32; inner: i32; outer: i32; reduction: i32; chunk: i32 }

// @ts-ignore: decorator
@inline
function scatterPart<T>(p: ScatterElementsParams, from: i32, to: i32, reduction: i32): void {
  const inner = p.inner, block = p.count * inner
  for (let i = from * block; i < to * block; i++) {
    const at = indexAt(p.indices, p.indexBytes, i, p.axis)
    if (at < 0) continue
    const y = p.y + <usize>((i / block * p.axis + at) * inner + i % inner) * sizeof<T>()
    const update = load<T>(p.updates + <usize>i * sizeof<T>())
    if (isFloat<T>()) store<f32>(y, reduced(reduction, load<f32>(y), <f32>update))
    else store<T>(y, update)
  }
}

/** y[o][indices[o][i][k]][k] = updates[o][i][k], or is combined with them, in order. Indices out of range are passed over. */
export function scatter_elements(p: ScatterElementsParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk, to = min(from + p.chunk, p.outer)
  if (p.reduction) {
    scatterPart<f32>(p, from, to, p.reduction)
    return
  }
  switch (p.elementBytes) {
    case 1: { scatterPart<u8>(p, from, to, 0); break }
    case 2: { scatterPart<u16>(p, from, to, 0); break }
    case 4: { scatterPart<u32>(p, from, to, 0); break }
    default: { scatterPart<u64>(p, from, to, 0); break }
  }
}
