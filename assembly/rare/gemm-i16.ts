import { rows_1x8_i16, rows_4x8_i16 } from '../gen/microkernels'
import { rounded, roundingOffset } from './quantize'
import { Walk } from '../walk'

/** Rows of a register tile. */
// @ts-ignore: decorator
@inline
const TILE_ROWS: i32 = 4

/**
 * int32 sums of products of int16, A B + bias. The fields up to `slabColumns` are those of GemmParams without padding, a
 * step of k being a pair of numbers: 4 bytes of a row of A, of each column of B. With a `y`, the sums of a tile pass through
 * `scratchBytes` bytes at c of its own (rows there are `ldc` bytes), and y, rows of `ldy` bytes, gets them times
 * `multipliers` (float32, one a column), rounded half to even, plus the zero point, in [low, high]; `isSigned` tells int8
 * from uint8. Without, c gets the sums, at the third offset.
 * The list holds four byte offsets a batch: of A, B, the result, and bias and multipliers.
 */
// @ts-ignore: decorator
@unmanaged
export class GemmI16Params {
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
  tileRows: i32
  tileColumns: i32
  slabColumns: i32
  y: usize
  ldy: i32
  scratchBytes: i32
  multipliers: usize
  zero: usize
  isSigned: i32
  low: f32
  high: f32
}

/** Address of row `m` of A, from that of row 0. */
function rowAddress(p: GemmI16Params, a: usize, m: i32): usize {
  const y = m / p.width
  return a + (y / p.height) * p.imageStride + (y % p.height) * p.rowStride + (m % p.width) * p.pixelStride
}

/** Tiles: batch, then `tileRows` rows, then `tileColumns` columns (a multiple of 8). */
export function gemm_i16(p: GemmI16Params, tile: i32, thread: i32): void {
  const rowTiles = (p.rows + p.tileRows - 1) / p.tileRows
  const columnTiles = (p.columns + p.tileColumns - 1) / p.tileColumns
  const batch = tile / (rowTiles * columnTiles)
  const firstRow = ((tile / columnTiles) % rowTiles) * p.tileRows
  const firstColumn = (tile % columnTiles) * p.tileColumns
  const endRow = min(firstRow + p.tileRows, p.rows)
  const lastColumn = min(firstColumn + p.tileColumns, p.columns)
  const offsets = changetype<usize>(p) + offsetof<GemmI16Params>() + (<usize>batch << 4)
  const a = p.a + load<usize>(offsets)
  const quantizes = p.y != 0
  const scratch = p.c + tile * p.scratchBytes
  for (let column = firstColumn; column < lastColumn; column += p.slabColumns) {
    const columns = min(p.slabColumns, lastColumn - column)
    const side = <usize>(column << 2)
    const b = p.b + load<usize>(offsets, 4) + (column >> 3) * p.panelStride
    const bias = p.bias == 0 ? <usize>0 : p.bias + load<usize>(offsets, 12) + side
    const c = quantizes ? scratch : p.c + load<usize>(offsets, 8) + side
    const y = p.y + load<usize>(offsets, 8) + column
    for (let m = firstRow; m < endRow; m += TILE_ROWS) {
      const count = min(TILE_ROWS, endRow - m)
      const to = quantizes ? c : c + m * p.ldc
      multiplyRows(p, a, b, to, bias, m, count, columns)
      if (quantizes) quantizeRows(p, to, y + m * p.ldy, p.multipliers + load<usize>(offsets, 12) + side, count, columns)
    }
  }
}

function multiplyRows(p: GemmI16Params, a: usize, b: usize, c: usize, bias: usize, m: i32, count: i32, columns: i32): void {
  const walk = changetype<Walk>(p)
  if (count < TILE_ROWS) {
    for (let row = 0; row < count; row++)
      rows_1x8_i16(walk, b, c + row * p.ldc, bias, 0, columns, p.outer, rowAddress(p, a, m + row))
    return
  }
  const a0 = rowAddress(p, a, m)
  if (m % p.width + TILE_ROWS <= p.width) {
    const step = p.pixelStride
    rows_4x8_i16(walk, b, c, bias, 0, columns, p.outer, a0, a0 + step, a0 + 2 * step, a0 + 3 * step)
  } else rows_4x8_i16(walk, b, c, bias, 0, columns, p.outer, a0, rowAddress(p, a, m + 1), rowAddress(p, a, m + 2), rowAddress(p, a, m + 3))
}

function quantizeRows(p: GemmI16Params, c: usize, y: usize, multipliers: usize, rows: i32, columns: i32): void {
  const zero = p.isSigned ? <i32>load<i8>(p.zero) : <i32>load<u8>(p.zero)
  for (; rows > 0; rows--, c += p.ldc, y += p.ldy) quantizeSums(c, y, multipliers, columns, zero, p.isSigned != 0, p.low, p.high)
}

/** `count` sums times their multipliers, as bytes; reads up to the next multiple of 8 sums and multipliers. */
export function quantizeSums(c: usize, y: usize, multipliers: usize, count: i32, zero: i32, signed: bool, least: f32, most: f32): void {
  const low = f32x4.splat(least - <f32>zero)
  const high = f32x4.splat(most - <f32>zero)
  const offset = roundingOffset(zero)
  for (let i = 0; i < count; i += 8, c += 32, multipliers += 32, y += 8) {
    const a = rounded(f32x4.mul(f32x4.convert_i32x4_s(v128.load(c)), v128.load(multipliers)), low, high, offset)
    const b = rounded(f32x4.mul(f32x4.convert_i32x4_s(v128.load(c, 16)), v128.load(multipliers, 16)), low, high, offset)
    const words = i16x8.narrow_i32x4_s(a, b)
    const bytes = signed ? i8x16.narrow_i16x8_s(words, words) : i8x16.narrow_i16x8_u(words, words)
    if (i + 8 <= count) { v128.store64_lane(y, bytes, 0); continue }
    let rest = i64x2.extract_lane(bytes, 0)
    for (let at = 0; at < count - i; at++, rest >>= 8) store<u8>(y + <usize>at, <u8>rest)
  }
}

/** to[i] = x w[i] / y, w of one number or `count`: what int32 sums are multiplied with. One tile. */
// @ts-ignore: decorator
@unmanaged
export class MultipliersParams { x: usize; w: usize; wStep: i32; y: usize; to: usize; count: i32 }

export function quantize_multipliers_f32(p: MultipliersParams, tile: i32, thread: i32): void {
  const x = load<f32>(p.x)
  const y = load<f32>(p.y)
  for (let i = 0; i < p.count; i++) store<f32>(p.to + (<usize>i << 2), (x * load<f32>(p.w + <usize>(i * p.wStep))) / y)
}

/**
 * Images of bytes, less their zero point, as int16 in frames of zeros: pixel (row, column) of x [images, height, width,
 * channels] goes to (top + row, left + column) of y [images, targetHeight, targetWidth, targetChannels], channels beyond
 * its own are 0. `zero` 0: none; row r (of all images) has the one at `zero` + r zeroStep. A tile is `rowsPerTile` target rows.
 */
// @ts-ignore: decorator
@unmanaged
export class WidenParams {
  x: usize
  y: usize
  zero: usize
  zeroStep: i32
  isSigned: i32
  height: i32
  width: i32
  channels: i32
  targetHeight: i32
  targetWidth: i32
  targetChannels: i32
  top: i32
  left: i32
  rowsPerTile: i32
  rows: i32
}

/** `count` bytes less `zero`, as int16. */
function widenBytes(x: usize, y: usize, count: i32, zero: i32, signed: bool): void {
  const zeros = i16x8.splat(<i16>zero)
  let i = 0
  for (; i + 8 <= count; i += 8, x += 8, y += 16)
    v128.store(y, i16x8.sub(signed ? v128.load8x8_s(x) : v128.load8x8_u(x), zeros))
  for (; i < count; i++, x++, y += 2) store<i16>(y, <i16>((signed ? <i32>load<i8>(x) : <i32>load<u8>(x)) - zero))
}

export function widen_i16(p: WidenParams, tile: i32, thread: i32): void {
  const signed = p.isSigned != 0
  const end = min((tile + 1) * p.rowsPerTile, p.rows)
  const from = max(0, -p.left)
  const columns = max(0, min(p.width, p.targetWidth - p.left) - from)
  const pixelBytes = p.targetChannels << 1
  const lineBytes = p.targetWidth * pixelBytes
  const before = max(0, p.left) * pixelBytes
  for (let row = tile * p.rowsPerTile; row < end; row++) {
    const image = row / p.targetHeight
    const source = row - image * p.targetHeight - p.top
    const y = p.y + row * lineBytes
    if (source < 0 || source >= p.height || columns == 0) {
      memory.fill(y, 0, lineBytes)
      continue
    }
    const line = image * p.height + source
    const at = p.zero + line * p.zeroStep
    const zero = p.zero == 0 ? 0 : signed ? <i32>load<i8>(at) : <i32>load<u8>(at)
    const x = p.x + (line * p.width + from) * p.channels
    memory.fill(y, 0, before)
    if (p.channels == p.targetChannels) widenBytes(x, y + before, columns * p.channels, zero, signed)
    else for (let column = 0; column < columns; column++) {
      const to = y + before + column * pixelBytes
      widenBytes(x + column * p.channels, to, p.channels, zero, signed)
      memory.fill(to + (p.channels << 1), 0, (p.targetChannels - p.channels) << 1)
    }
    const done = before + columns * pixelBytes
    memory.fill(y + done, 0, lineBytes - done)
  }
}

/**
 * Panels of 8 columns, each [taps x pairs][8][2] int16, of a matrix of bytes less their zero points whose element (t, k, n)
 * lies at source + t tapStride + k kStride + n nStride; numbers beyond k, and columns beyond the last, are 0. A tile is a
 * panel and batch. The list holds two byte offsets a batch, of the source and of the panels, then `zeros` zero points: none,
 * one, or one a column of each batch.
 */
// @ts-ignore: decorator
@unmanaged
export class PackI16Params {
  source: usize
  target: usize
  batches: i32
  taps: i32
  tapStride: i32
  k: i32
  kStride: i32
  columns: i32
  nStride: i32
  isSigned: i32
  zeros: i32
}

export function pack_panels_i16(p: PackI16Params, tile: i32, thread: i32): void {
  const panels = (p.columns + 7) >> 3
  const batch = tile / panels
  const first = (tile % panels) << 3
  const list = changetype<usize>(p) + offsetof<PackI16Params>()
  const offsets = list + (<usize>batch << 3)
  const source = p.source + load<usize>(offsets)
  const pairs = (p.k + 1) >> 1
  const target = p.target + load<usize>(offsets, 4) + <usize>((first >> 3) * p.taps * pairs) * 32
  const zeros = list + (<usize>p.batches << 3)
  for (let lane = 0; lane < 8; lane++) {
    const n = first + lane
    let to = target + (<usize>lane << 2)
    if (n >= p.columns) {
      for (let i = p.taps * pairs; i > 0; i--, to += 32) store<i32>(to, 0)
      continue
    }
    const index = p.zeros > 1 ? (p.zeros == p.columns ? n : batch * p.columns + n) : 0
    const zero = p.zeros == 0 ? 0 : load<i32>(zeros + (<usize>index << 2))
    for (let tap = 0; tap < p.taps; tap++) {
      let at = source + tap * p.tapStride + n * p.nStride
      for (let k = 0; k < p.k; k += 2, to += 32, at += 2 * p.kStride) {
        store<i16>(to, <i16>(byteAt(at, p.isSigned) - zero))
        store<i16>(to, k + 1 < p.k ? <i16>(byteAt(at + p.kStride, p.isSigned) - zero) : 0, 2)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function byteAt(at: usize, signed: i32): i32 {
  return signed ? <i32>load<i8>(at) : <i32>load<u8>(at)
}
