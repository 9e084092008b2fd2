import { activate } from './activation'
import { columns_f32, rows_f32, TILE_ROWS, tileHeight } from './register-tiles'
import { Walk } from './walk'

/**
 * C = activation(A B + bias). Row m of A starts at the pixel m of images of `height` x `width` pixels (a plain matrix is
 * one image of one row) and goes through the runs of the walk. Pixel rows outside [top, bottom) of the padded image hold
 * zeros and are skipped; bottom 0 means that there are none. Strides in bytes.
 * The list holds four byte offsets a batch: of A, B, C and bias.
 */
// @ts-ignore: decorator
@unmanaged
export class GemmParams {
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
  rows: i32
  columns: i32
  width: i32
  height: i32
  pixelStride: i32
  rowStride: i32
  imageStride: i32
  top: i32
  bottom: i32
  strideY: i32
  dilationY: i32
  tileRows: i32
  tileColumns: i32
  slabColumns: i32
  activation: i32
  alpha: f32
  beta: f32
}

/** Address of row `m` of A, from that of row 0. */
function rowAddress(p: GemmParams, a: usize, m: i32): usize {
  const y = m / p.width
  return a + (y / p.height) * p.imageStride + (y % p.height) * p.rowStride + (m % p.width) * p.pixelStride
}

/** Tiles: batch, then `tileRows` rows, then `tileColumns` columns (a multiple of 8). */
export function gemm_f32(p: GemmParams, tile: i32, thread: i32): void {
  const rowTiles = (p.rows + p.tileRows - 1) / p.tileRows
  const columnTiles = (p.columns + p.tileColumns - 1) / p.tileColumns
  const batch = tile / (rowTiles * columnTiles)
  const firstRow = ((tile / columnTiles) % rowTiles) * p.tileRows
  const firstColumn = (tile % columnTiles) * p.tileColumns
  const rows = min(p.tileRows, p.rows - firstRow)
  const lastColumn = min(firstColumn + p.tileColumns, p.columns)
  const offsets = changetype<usize>(p) + offsetof<GemmParams>() + (<usize>batch << 4)
  const a = p.a + load<usize>(offsets)
  const b = p.b + load<usize>(offsets, 4) + (firstColumn >> 3) * p.panelStride
  const c = p.c + load<usize>(offsets, 8) + firstRow * p.ldc + (<usize>firstColumn << 2)
  const bias = p.bias == 0 ? <usize>0 : p.bias + load<usize>(offsets, 12) + (<usize>firstColumn << 2)
  for (let column = firstColumn; column < lastColumn; column += p.slabColumns) {
    const skipped = column - firstColumn
    slab(
      p, a, b + (skipped >> 3) * p.panelStride, c + (<usize>skipped << 2), bias == 0 ? <usize>0 : bias + (<usize>skipped << 2),
      firstRow, rows, min(p.slabColumns, lastColumn - column),
    )
  }
}

/** `rows` rows from `first` on, of `columns` columns: b, c and bias point at the first of them. */
function slab(p: GemmParams, a: usize, b: usize, c: usize, bias: usize, first: i32, rows: i32, columns: i32): void {
  const walk = changetype<Walk>(p)
  const width = p.width
  const height = p.height
  const step = p.pixelStride
  const end = first + rows
  let x = first % width
  let y = (first / width) % height
  let a0 = rowAddress(p, a, first)
  for (let m = first, count = 0; m < end; m += count) {
    count = tileHeight(end - m)
    let a1: usize, a2: usize, a3: usize, a4: usize, a5: usize
    let lastY = y
    let oneImage = true
    const oneRow = x + count <= width
    if (oneRow) {
      a1 = a0 + step
      a2 = a1 + step
      a3 = a2 + step
      a4 = a3 + step
      a5 = a4 + step
    } else {
      a1 = rowAddress(p, a, m + 1)
      a2 = rowAddress(p, a, m + 2)
      a3 = rowAddress(p, a, m + 3)
      a4 = TILE_ROWS > 4 ? rowAddress(p, a, m + 4) : 0
      a5 = TILE_ROWS > 4 ? rowAddress(p, a, m + 5) : 0
      const lines = (m + count - 1) / width - m / width
      lastY = y + lines
      oneImage = lastY < height
    }
    let outer = p.outer
    let q = b
    let skip = 0
    if (p.bottom > 0 && oneImage) {
      const from = max(0, (p.top - lastY * p.strideY + p.dilationY - 1) / p.dilationY)
      const to = p.bottom - 1 < y * p.strideY ? 0 : min(outer, (p.bottom - 1 - y * p.strideY) / p.dilationY + 1)
      outer = max(0, to - from)
      skip = from * p.outerStride
      q += from * p.inner * p.run * p.ldb
    }
    if (step == 4 && p.inner == 1 && oneRow) columns_f32(walk, count, a0 + skip, 4, q, c, bias, 0, columns, outer)
    else rows_f32(walk, count, q, c, bias, 0, columns, outer, a0 + skip, a1 + skip, a2 + skip, a3 + skip, a4 + skip, a5 + skip)
    if (p.activation != 0) {
      if (p.ldc == columns << 2) activate(p.activation, c, count * columns, p.alpha, p.beta)
      else for (let row = 0; row < count; row++) activate(p.activation, c + row * p.ldc, columns, p.alpha, p.beta)
    }
    c += count * p.ldc
    x += count
    a0 += count * step
    if (x >= width) {
      const next = m + count
      x = next % width
      y = (next / width) % height
      a0 = rowAddress(p, a, next)
    }
  }
}

/** y = alpha y + beta c, c broadcast by its strides in elements; tiles of `tileRows` rows of y [rows, columns]. */
// @ts-ignore: decorator
@unmanaged
export class GemmFinishParams { y: usize; c: usize; rows: i32; columns: i32; rowStride: i32; columnStride: i32; alpha: f32; beta: f32; tileRows: i32 }

export function gemm_finish_f32(p: GemmFinishParams, tile: i32, thread: i32): void {
  const first = tile * p.tileRows
  const end = min(first + p.tileRows, p.rows)
  for (let row = first; row < end; row++) {
    const y = p.y + (<usize>(row * p.columns) << 2)
    for (let column = 0; column < p.columns; column++) {
      const at = y + (<usize>column << 2)
      const addend = p.c == 0 ? <f32>0 : p.beta * load<f32>(p.c + (<usize>(row * p.rowStride + column * p.columnStride) << 2))
      store<f32>(at, p.alpha * load<f32>(at) + addend)
    }
  }
}
