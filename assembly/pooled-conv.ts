// A convolution of images of one channel and the max-pool behind it: what the convolution gives never leaves the cache.

import { activate } from './activation'
import { madd, storeLeft } from './simd'

/**
 * y = the maxima of activation(convolution of x + bias) over windows of poolH x poolW side by side, for framed images of one
 * channel, at stride 1 along rows, and rows of at least 8 pixels: eight pixels of a row are lanes, so that any number of
 * outputs is as quick as a multiple of 8. w [kernelY][kernelX][outputs]; y [rows][outW][outputs], outH rows an image;
 * `places`, unless 0, like y: the index in row-major order of the first maximum of each window, int32. Strides in bytes: of x from
 * image to image, from one row of the convolution to the next, from tap row to tap row. Tiles: `chunk` rows. The rows of a window
 * are made in the thread's memory at `lines`, scratchBytes after that of the thread before.
 */
// @ts-ignore: decorator
@unmanaged
export class PooledConvParams {
  x: usize
  w: usize
  y: usize
  bias: usize
  places: usize
  lines: usize
  scratchBytes: i32
  rows: i32
  chunk: i32
  outH: i32
  outW: i32
  width: i32
  outputs: i32
  poolH: i32
  poolW: i32
  kernelY: i32
  kernelX: i32
  imageStride: i32
  rowStride: i32
  tapRowStride: i32
  lower: f32
  activation: i32
  alpha: f32
  beta: f32
}

export function pooled_conv_f32(p: PooledConvParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.rows)
  const lines = p.lines + <usize>thread * p.scratchBytes
  const size = p.width * p.outputs
  for (let row = tile * p.chunk; row < end; row++) {
    let x = p.x + row / p.outH * p.imageStride + row % p.outH * p.poolH * p.rowStride
    for (let i = 0; i < p.poolH; i++, x += p.rowStride) convolve(p, x, lines + (<usize>(i * size) << 2))
    if (p.activation != 0) activate(p.activation, lines, p.poolH * size, p.alpha, p.beta)
    const at = <usize>(row * p.outW * p.outputs) << 2
    maxima(p, lines, p.y + at, p.places == 0 ? <usize>0 : p.places + at)
  }
}

/** One row of the convolution. */
function convolve(p: PooledConvParams, x: usize, y: usize): void {
  const outputs = p.outputs
  const last = p.width - 8
  for (let output = 0; output < outputs; output += 4) {
    const skipped = <usize>output << 2
    const bias = p.bias == 0 ? f32x4.splat(0) : v128.load(p.bias + skipped)
    // The last eight pixels overlap those before them where the row is no multiple of 8.
    for (let column = 0; column < p.width; column += 8) {
      const from = min(column, last)
      eightPixels(p, x + (<usize>from << 2), p.w + skipped, y + (<usize>(from * outputs) << 2) + skipped, bias, outputs - output)
    }
  }
}

/** Four outputs of eight pixels of a row. */
function eightPixels(p: PooledConvParams, x: usize, w: usize, y: usize, bias: v128, left: i32): void {
  const kernelX = p.kernelX
  const tapRowStride = p.tapRowStride
  const pixel = p.outputs << 2
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0
  for (let ky = p.kernelY; ky > 0; ky--, x += tapRowStride) {
    let at = x
    for (let kx = kernelX; kx > 0; kx--) {
      const x0 = v128.load(at), x1 = v128.load(at, 16)
      at += 4
      const a = v128.load32_splat(w)
      a0 = madd(a, x0, a0)
      a1 = madd(a, x1, a1)
      const b = v128.load32_splat(w, 4)
      b0 = madd(b, x0, b0)
      b1 = madd(b, x1, b1)
      const c = v128.load32_splat(w, 8)
      c0 = madd(c, x0, c0)
      c1 = madd(c, x1, c1)
      const d = v128.load32_splat(w, 12)
      d0 = madd(d, x0, d0)
      d1 = madd(d, x1, d1)
      w += pixel
    }
  }
  const lower = f32x4.splat(p.lower)
  storePixels(y, pixel, a0, b0, c0, d0, bias, lower, left)
  storePixels(y + 4 * pixel, pixel, a1, b1, c1, d1, bias, lower, left)
}

/** Four pixels, given as a vector an output, with the bias added and bounded below, `pixel` bytes apart. */
function storePixels(y: usize, pixel: usize, a: v128, b: v128, c: v128, d: v128, bias: v128, lower: v128, left: i32): void {
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  storeLeft(y, f32x4.pmax(f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), bias), lower), left)
  storeLeft(y + pixel, f32x4.pmax(f32x4.add(v128.shuffle<i64>(ab, cd, 1, 3), bias), lower), left)
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
  const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  storeLeft(y + 2 * pixel, f32x4.pmax(f32x4.add(v128.shuffle<i64>(ab2, cd2, 0, 2), bias), lower), left)
  storeLeft(y + 3 * pixel, f32x4.pmax(f32x4.add(v128.shuffle<i64>(ab2, cd2, 1, 3), bias), lower), left)
}

/** The maxima of a row of windows, and where they are; a NaN is larger than all. */
function maxima(p: PooledConvParams, lines: usize, y: usize, places: usize): void {
  const poolH = p.poolH, poolW = p.poolW
  const pixel = <usize>p.outputs << 2
  const line = p.width * pixel
  const isQuad = poolH == 2 && poolW == 2
  for (let column = p.outW; column > 0; column--, lines += poolW * pixel)
    for (let left = p.outputs, from = lines; left > 0; left -= 4, from += 16) {
      let most = v128.load(from)
      let place = i32x4.splat(0)
      if (isQuad) {
        const b = v128.load(from + pixel), c = v128.load(from + line), d = v128.load(from + line + pixel)
        let larger = isLarger(b, most)
        most = v128.bitselect(b, most, larger)
        place = v128.and(i32x4.splat(1), larger)
        larger = isLarger(c, most)
        most = v128.bitselect(c, most, larger)
        place = v128.bitselect(i32x4.splat(2), place, larger)
        larger = isLarger(d, most)
        most = v128.bitselect(d, most, larger)
        place = v128.bitselect(i32x4.splat(3), place, larger)
      } else for (let ky = 0, index = 0; ky < poolH; ky++)
        for (let kx = 0; kx < poolW; kx++, index++) {
          const value = v128.load(from + ky * line + kx * pixel)
          const larger = isLarger(value, most)
          most = v128.bitselect(value, most, larger)
          place = v128.bitselect(i32x4.splat(index), place, larger)
        }
      const size = min(left, 4) << 2
      storeLeft(y, most, left)
      y += size
      if (places != 0) {
        storeLeft(places, place, left)
        places += size
      }
    }
}

/** Lanes where `value` takes the place of the maximum so far. */
// @ts-ignore: decorator
@inline
function isLarger(value: v128, most: v128): v128 {
  return v128.andnot(f32x4.eq(most, most), f32x4.le(value, most))
}
