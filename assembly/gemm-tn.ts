import { activate } from './activation'
import { columns_f32, rows_f32, TILE_ROWS, tileHeight } from './register-tiles'
import { Walk } from './walk'

/**
 * C = activation(A^T B + bias), summed over the pixels of `images` images of `height` x `width` pixels: the gradient by the
 * weight of a convolution, and of a matrix product (one image of one row). Row m of C stands for (tap row, tap column, channel)
 * in `tapRows` x `tapColumns` x `channels`; its element of A at pixel (0, 0) lies at tap row x tapRowStride +
 * tap column x tapColumnStride + 4 channel. `gather` 1: pixelStride is 4, and the walk runs along pixels of one row of C
 * (one channel); 0: it runs along pixels of neighbouring channels. Strides in bytes.
 * With more than one block of pixels `lower` is -Infinity.
 * A tile takes its columns in slabs of `slabColumns` (a multiple of 8).
 * Tiles: chunk of `chunkImages` images, batch, then `tileRows` rows, then `tileColumns` columns (a multiple of 8).
 * With more than one chunk each writes its own C, `chunkBytes` apart. The list holds four byte offsets a batch: A, B, C and bias.
 */
// @ts-ignore: decorator
@unmanaged
export class GemmTnParams {
  ldb: i32
  panelStride: i32
  ldc: i32
  outer: i32
  outerStride: i32
  inner: i32
  innerStride: i32
  run: i32
  lower: f32
  a: usize
  b: usize
  c: usize
  bias: usize
  columns: i32
  images: i32
  height: i32
  pixelStride: i32
  imageStride: i32
  tapRows: i32
  tapColumns: i32
  channels: i32
  tapRowStride: i32
  tapColumnStride: i32
  gather: i32
  blockRows: i32
  tileRows: i32
  tileColumns: i32
  slabColumns: i32
  batches: i32
  chunkImages: i32
  chunkBytes: i32
  activation: i32
  alpha: f32
  beta: f32
}

/** Offset in A of row `m` of C. */
// @ts-ignore: decorator
@inline
function tapOffset(p: GemmTnParams, m: i32): i32 {
  const tap = m / p.channels
  const row = tap / p.tapColumns
  return row * p.tapRowStride + (tap - row * p.tapColumns) * p.tapColumnStride + ((m - tap * p.channels) << 2)
}

export function gemm_tn_f32(p: GemmTnParams, tile: i32, thread: i32): void {
  const rows = p.tapRows * p.tapColumns * p.channels
  const rowTiles = (rows + p.tileRows - 1) / p.tileRows
  const columnTiles = (p.columns + p.tileColumns - 1) / p.tileColumns
  const perChunk = p.batches * rowTiles * columnTiles
  const chunk = tile / perChunk
  const batch = (tile / (rowTiles * columnTiles)) % p.batches
  const first = ((tile / columnTiles) % rowTiles) * p.tileRows
  const column = (tile % columnTiles) * p.tileColumns
  const end = min(first + p.tileRows, rows)
  const columns = min(p.tileColumns, p.columns - column)
  const offsets = changetype<usize>(p) + offsetof<GemmTnParams>() + (<usize>batch << 4)
  const a = p.a + load<usize>(offsets)
  const b = p.b + load<usize>(offsets, 4) + (column >> 3) * p.panelStride
  const c = p.c + load<usize>(offsets, 8) + chunk * p.chunkBytes + (<usize>column << 2)
  const bias = p.bias == 0 ? <usize>0 : p.bias + load<usize>(offsets, 12) + (<usize>column << 2)

  const firstImage = chunk * p.chunkImages
  const lastImage = min(firstImage + p.chunkImages, p.images)
  const rowBytes = p.run * p.ldb
  let start = bias
  let startStride: i32 = 0
  for (let image = firstImage; image < lastImage; image++) {
    for (let y = 0; y < p.height; y += p.blockRows) {
      const outer = min(p.blockRows, p.height - y)
      const aBlock = a + image * p.imageStride + y * p.outerStride
      const bBlock = b + (image * p.height + y) * rowBytes
      block(p, aBlock, bBlock, c, start, startStride, first, end, columns, outer)
      start = c
      startStride = p.ldc
    }
  }
  if (lastImage <= firstImage || p.height == 0) block(p, a, b, c, start, startStride, first, end, columns, 0)
  if (p.activation != 0)
    for (let m = first; m < end; m++) activate(p.activation, c + m * p.ldc, columns, p.alpha, p.beta)
}

/** Rows [first, end) of C = what lies at `start` + the products over `outer` rows of pixels. */
function block(p: GemmTnParams, a: usize, b: usize, c: usize, start: usize, startStride: i32, first: i32, end: i32, columns: i32, outer: i32): void {
  for (let column = 0; column < columns; column += p.slabColumns) {
    const count = min(p.slabColumns, columns - column)
    if (p.gather) gatherBlock(p, a, b, c, start, startStride, first, end, count, outer)
    else neighbourBlock(p, a, b, c, start, startStride, first, end, count, outer)
    b += (p.slabColumns >> 3) * p.panelStride
    c += <usize>p.slabColumns << 2
    if (start != 0) start += <usize>p.slabColumns << 2
  }
}

/** Adds a block of pixels to rows [first, end): any rows of C side by side, along the pixels. */
function gatherBlock(p: GemmTnParams, a: usize, b: usize, c: usize, start: usize, startStride: i32, first: i32, end: i32, columns: i32, outer: i32): void {
  const walk = changetype<Walk>(p)
  for (let m = first, count = 0; m < end; m += count) {
    count = tileHeight(end - m)
    const s = start == 0 ? <usize>0 : start + m * startStride
    rows_f32(
      walk, count, b, c + m * p.ldc, s, startStride, columns, outer,
      a + tapOffset(p, m), a + tapOffset(p, m + 1), a + tapOffset(p, m + 2), a + tapOffset(p, m + 3),
      TILE_ROWS > 4 ? a + tapOffset(p, m + 4) : 0, TILE_ROWS > 4 ? a + tapOffset(p, m + 5) : 0,
    )
  }
}

/** Adds a block of pixels to rows [first, end), which are cut where neighbours in C are not neighbours in A. */
function neighbourBlock(p: GemmTnParams, a: usize, b: usize, c: usize, start: usize, startStride: i32, first: i32, end: i32, columns: i32, outer: i32): void {
  const walk = changetype<Walk>(p)
  const lda = p.pixelStride
  const length = p.channels
  for (let m = first; m < end; ) {
    const count = tileHeight(min(end - m, length - m % length))
    const s = start == 0 ? <usize>0 : start + m * startStride
    columns_f32(walk, count, a + tapOffset(p, m), lda, b, c + m * p.ldc, s, startStride, columns, outer)
    m += count
  }
}

/** y[i] = the sum of `parts` arrays, `partBytes` apart, in their order; tiles of `chunk` elements. */
// @ts-ignore: decorator
@unmanaged
export class SumPartsParams { x: usize; y: usize; size: i32; parts: i32; partBytes: i32; chunk: i32 }

export function sum_parts_f32(p: SumPartsParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.size)
  let i = from
  for (; i + 8 <= to; i += 8) {
    let x = p.x + (<usize>i << 2)
    let low = v128.load(x)
    let high = v128.load(x, 16)
    for (let part = 1; part < p.parts; part++) {
      x += p.partBytes
      low = f32x4.add(low, v128.load(x))
      high = f32x4.add(high, v128.load(x, 16))
    }
    v128.store(p.y + (<usize>i << 2), low)
    v128.store(p.y + (<usize>i << 2), high, 16)
  }
  for (; i < to; i++) {
    let x = p.x + (<usize>i << 2)
    let sum = load<f32>(x)
    for (let part = 1; part < p.parts; part++) {
      x += p.partBytes
      sum += load<f32>(x)
    }
    store<f32>(p.y + (<usize>i << 2), sum)
  }
}
