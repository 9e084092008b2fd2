// @ts-ignore: decorator
@unmanaged
export class CopyParams { x: usize; y: usize; bytes: u32; chunk: u32 }

/** y = x, as bytes; they are the same or disjoint. */
export function copy_bytes(p: CopyParams, tile: i32, thread: i32): void {
  const from = <u32>tile * p.chunk
  if (p.x != p.y) memory.copy(p.y + from, p.x + from, min(p.chunk, p.bytes - from))
}

// @ts-ignore: decorator
@unmanaged
export class FillParams { y: usize; bytes: u32; chunk: u32; low: i32; high: i32 }

/** y = the eight bytes (low, high), over and over. `chunk` is a multiple of 8. */
export function fill_bytes(p: FillParams, tile: i32, thread: i32): void {
  let i = <u32>tile * p.chunk
  const to = i + min(p.chunk, p.bytes - i)
  let pattern = (<i64>p.high << 32) | (<i64>p.low & 0xFFFFFFFF)
  for (; i + 8 <= to; i += 8) store<i64>(p.y + i, pattern)
  for (; i < to; i++, pattern >>= 8) store<u8>(p.y + i, <u8>pattern)
}

/**
 * Elements of `elementBytes` (1, 2, 4 or 8) bytes. After the fields: `rank` (2 or more) sizes, outermost first; then as
 * many strides of x, in bytes; then as many of y. Elements are counted in row-major order of the sizes.
 */
// @ts-ignore: decorator
@unmanaged
export class StridedCopyParams { x: usize; y: usize; size: i32; chunk: i32; elementBytes: i32; rank: i32 }

// @ts-ignore: decorator
@inline
export function word(list: usize, index: i32): i32 {
  return load<i32>(list + (<usize>index << 2))
}

// @ts-ignore: decorator
@inline
function copyRow<T>(x: usize, y: usize, count: i32, xStride: i32, yStride: i32): void {
  if (xStride == sizeof<T>() && yStride == sizeof<T>()) {
    const bytes = <usize>count * sizeof<T>()
    if (bytes >= 256) {
      memory.copy(y, x, bytes)
      return
    }
    let i: usize = 0
    for (; i + 16 <= bytes; i += 16) v128.store(y + i, v128.load(x + i))
    for (; i < bytes; i += sizeof<T>()) store<T>(y + i, load<T>(x + i))
    return
  }
  let i = 0
  if (xStride == 0 && yStride == sizeof<T>()) {
    const lanes: i32 = 16 / sizeof<T>()
    const value = v128.splat<T>(load<T>(x))
    for (; i + lanes <= count; i += lanes, y += 16) v128.store(y, value)
  }
  for (; i < count; i++, x += xStride, y += yStride) store<T>(y, load<T>(x))
}

// @ts-ignore: decorator
@inline
export function stridedCopy<T>(p: StridedCopyParams, tile: i32): void {
  const rank = p.rank
  const sizes = changetype<usize>(p) + offsetof<StridedCopyParams>()
  const xStrides = sizes + (<usize>rank << 2)
  const yStrides = xStrides + (<usize>rank << 2)
  const inner = word(sizes, rank - 1), rows = word(sizes, rank - 2)
  const xInner = word(xStrides, rank - 1), xRow = word(xStrides, rank - 2)
  const yInner = word(yStrides, rank - 1), yRow = word(yStrides, rank - 2)
  const to = min((tile + 1) * p.chunk, p.size)
  let i = tile * p.chunk
  while (i < to) {
    let column = i % inner
    let outer = i / inner
    let row = outer % rows
    outer /= rows
    let x = p.x + row * xRow
    let y = p.y + row * yRow
    for (let axis = rank - 3; axis >= 0; axis--) {
      const size = word(sizes, axis)
      const at = outer % size
      outer /= size
      x += at * word(xStrides, axis)
      y += at * word(yStrides, axis)
    }
    for (; row < rows && i < to; row++, x += xRow, y += yRow) {
      const count = min(inner - column, to - i)
      copyRow<T>(x + column * xInner, y + column * yInner, count, xInner, yInner)
      i += count
      column = 0
    }
  }
}

/** y[…] = x[…] along any strides, negative and zero ones of x too; elements of four bytes. */
export function strided_copy_w32(p: StridedCopyParams, tile: i32, thread: i32): void {
  stridedCopy<u32>(p, tile)
}

/**
 * Planes y[k][j] = x[j][k] of `rows` (k) by `columns` (j) elements, contiguous in x along k and in y along j; strides in
 * bytes. A plane is cut into blocks of `ROWS` rows and `COLUMNS` columns, a tile is `chunk` of the `blocks`.
 * After the fields: `rank` sizes of the axes around the planes, their strides in x, and in y.
 */
// @ts-ignore: decorator
@unmanaged
export class TransposeParams { x: usize; y: usize; rows: i32; columns: i32; xStride: i32; yStride: i32; blocks: i32; chunk: i32; elementBytes: i32; rank: i32 }

const ROWS: i32 = 16
const COLUMNS: i32 = 1024

// @ts-ignore: decorator
@inline
function transposePart<T>(x: usize, y: usize, k0: i32, k1: i32, j0: i32, j1: i32, xStride: i32, yStride: i32): void {
  for (let j = j0; j < j1; j++)
    for (let k = k0; k < k1; k++)
      store<T>(y + k * yStride + <usize>j * sizeof<T>(), load<T>(x + j * xStride + <usize>k * sizeof<T>()))
}

// @ts-ignore: decorator
@inline
function transposeBlock<T>(x: usize, y: usize, k0: i32, k1: i32, j0: i32, j1: i32, xStride: i32, yStride: i32): void {
  if (sizeof<T>() != 4) {
    transposePart<T>(x, y, k0, k1, j0, j1, xStride, yStride)
    return
  }
  const kEnd = k0 + ((k1 - k0) & ~3)
  const jEnd = j0 + ((j1 - j0) & ~3)
  for (let j = j0; j < jEnd; j += 4)
    for (let k = k0; k < kEnd; k += 4) {
      const from = x + j * xStride + (<usize>k << 2)
      const to = y + k * yStride + (<usize>j << 2)
      const r0 = v128.load(from)
      const r1 = v128.load(from + xStride)
      const r2 = v128.load(from + 2 * xStride)
      const r3 = v128.load(from + 3 * xStride)
      const a = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
      const b = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
      const c = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
      const d = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<i64>(a, b, 0, 2))
      v128.store(to + yStride, v128.shuffle<i64>(a, b, 1, 3))
      v128.store(to + 2 * yStride, v128.shuffle<i64>(c, d, 0, 2))
      v128.store(to + 3 * yStride, v128.shuffle<i64>(c, d, 1, 3))
    }
  transposePart<T>(x, y, kEnd, k1, j0, jEnd, xStride, yStride)
  transposePart<T>(x, y, k0, k1, jEnd, j1, xStride, yStride)
}

/** Swaps two axes, one contiguous in x and one in y. */
// @ts-ignore: decorator
@inline
export function transposePlanes<T>(p: TransposeParams, tile: i32): void {
  const rank = p.rank
  const sizes = changetype<usize>(p) + offsetof<TransposeParams>()
  const xStrides = sizes + (<usize>rank << 2)
  const yStrides = xStrides + (<usize>rank << 2)
  const rowBlocks = (p.rows + ROWS - 1) / ROWS
  const columnBlocks = (p.columns + COLUMNS - 1) / COLUMNS
  const to = min((tile + 1) * p.chunk, p.blocks)
  for (let block = tile * p.chunk; block < to; block++) {
    const j0 = block % columnBlocks * COLUMNS
    let outer = block / columnBlocks
    const k0 = outer % rowBlocks * ROWS
    outer /= rowBlocks
    let x = p.x
    let y = p.y
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = word(sizes, axis)
      const at = outer % size
      outer /= size
      x += at * word(xStrides, axis)
      y += at * word(yStrides, axis)
    }
    const k1 = min(k0 + ROWS, p.rows), j1 = min(j0 + COLUMNS, p.columns)
    transposeBlock<T>(x, y, k0, k1, j0, j1, p.xStride, p.yStride)
  }
}

/** The same, of elements of four bytes. */
export function transpose_w32(p: TransposeParams, tile: i32, thread: i32): void {
  transposePlanes<u32>(p, tile)
}

/** `count` indices of `indexBytes` (4 or 8) bytes into an axis of `axis` rows; negative ones count from its end. */
// @ts-ignore: decorator
@unmanaged
export class GatherParams { x: usize; indices: usize; y: usize; indexBytes: i32; axis: i32; count: i32; rowBytes: i32; rows: i32; chunk: i32 }

/** Index `i`, made non-negative; -1 if it is out of range. */
// @ts-ignore: decorator
@inline
export function indexAt(indices: usize, indexBytes: i32, i: i32, axis: i32): i32 {
  const index = indexBytes == 8 ? load<i64>(indices + (<usize>i << 3)) : <i64>load<i32>(indices + (<usize>i << 2))
  const at = index < 0 ? index + axis : index
  return at >= 0 && at < axis ? <i32>at : -1
}

/** y[o][i] = x[o][indices[i]], rows of `rowBytes` bytes. An index out of range gives a row of 0xFF bytes: NaN, or -1. */
export function gather(p: GatherParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.rows)
  const bytes = <usize>p.rowBytes
  const count = p.count
  let row = tile * p.chunk
  let i = row % count
  let x = p.x + <usize>(row / count) * p.axis * bytes
  let y = p.y + <usize>row * bytes
  const indices = p.indices, indexBytes = p.indexBytes, axis = p.axis
  for (; row < to; row++, y += bytes) {
    const at = indexAt(indices, indexBytes, i, axis)
    if (at < 0) memory.fill(y, 0xFF, bytes)
    else if (bytes == 4) store<u32>(y, load<u32>(x + (<usize>at << 2)))
    else if (bytes == 1) store<u8>(y, load<u8>(x + <usize>at))
    else if (bytes == 8) store<u64>(y, load<u64>(x + (<usize>at << 3)))
    else memory.copy(y, x + <usize>at * bytes, bytes)
    if (++i == count) {
      i = 0
      x += <usize>axis * bytes
    }
  }
}
