import { madd, storeLeft } from '../simd'
import { firstTap, lastTap, windowsBefore, windowsUntil } from '../window'

/**
 * dw [kH, kW, channels] of a depthwise convolution of x [images, inH, inW, channels] by dy [images, outH, outW, channels].
 * Tiles: `chunk` rows of dy, whose sum goes to dw + tile * partBytes.
 */
// @ts-ignore: decorator
@unmanaged
export class DepthwiseGradientParams {
  x: usize; dy: usize; dw: usize; partBytes: i32
  rows: i32; chunk: i32; channels: i32
  inH: i32; inW: i32; outH: i32; outW: i32
  kH: i32; kW: i32; sH: i32; sW: i32; dH: i32; dW: i32; top: i32; left: i32
}

/** dw += the products of `count` columns of x, xStep bytes apart, and of dy, for one tap and four channels. */
// @ts-ignore: decorator
@inline
function oneTap(x: usize, xStep: usize, dy: usize, pixel: usize, count: i32, dw: usize, left: i32): void {
  let sum = v128.load(dw)
  for (; count > 0; count--, x += xStep, dy += pixel) sum = madd(v128.load(x), v128.load(dy), sum)
  storeLeft(dw, sum, left)
}

/**
 * dw += the products of a row of dy with `taps` (2 or 3) neighbouring taps, for eight channels: tap 0 meets columns [from0, to0) of
 * dy, and so on; the sums stay in registers. x is where tap 0 meets column 0.
 */
// @ts-ignore: decorator
@inline
function neighbouringTaps(
  taps: i32, x: usize, xStep: usize, tapStep: usize, dy: usize, pixel: usize, dw: usize,
  from0: i32, to0: i32, from1: i32, to1: i32, from2: i32, to2: i32,
): void {
  let a0 = v128.load(dw), b0 = v128.load(dw, 16)
  let a1 = v128.load(dw + pixel), b1 = v128.load(dw + pixel, 16)
  let a2 = a0, b2 = b0
  if (taps > 2) {
    a2 = v128.load(dw + 2 * pixel)
    b2 = v128.load(dw + 2 * pixel, 16)
  }
  const from = max(from0, max(from1, from2))
  const to = min(to0, min(to1, to2))
  const end = max(to0, max(to1, to2))
  let column = min(from0, min(from1, from2))
  x += column * xStep
  dy += column * pixel
  while (column < end) {
    // Columns that all taps meet, else one that some of them do.
    if (column == from)
      for (; column < to; column++, x += xStep, dy += pixel) {
        const u = v128.load(dy), v = v128.load(dy, 16)
        a0 = madd(v128.load(x), u, a0); b0 = madd(v128.load(x, 16), v, b0)
        const second = x + tapStep
        a1 = madd(v128.load(second), u, a1); b1 = madd(v128.load(second, 16), v, b1)
        if (taps > 2) {
          const third = second + tapStep
          a2 = madd(v128.load(third), u, a2); b2 = madd(v128.load(third, 16), v, b2)
        }
      }
    if (column >= end) break
    const u = v128.load(dy), v = v128.load(dy, 16)
    if (column >= from0 && column < to0) {
      a0 = madd(v128.load(x), u, a0); b0 = madd(v128.load(x, 16), v, b0)
    }
    if (column >= from1 && column < to1) {
      a1 = madd(v128.load(x + tapStep), u, a1); b1 = madd(v128.load(x + tapStep, 16), v, b1)
    }
    if (taps > 2 && column >= from2 && column < to2) {
      a2 = madd(v128.load(x + 2 * tapStep), u, a2); b2 = madd(v128.load(x + 2 * tapStep, 16), v, b2)
    }
    column++
    x += xStep
    dy += pixel
  }
  v128.store(dw, a0); v128.store(dw, b0, 16)
  v128.store(dw + pixel, a1); v128.store(dw + pixel, b1, 16)
  if (taps > 2) {
    v128.store(dw + 2 * pixel, a2)
    v128.store(dw + 2 * pixel, b2, 16)
  }
}

function twoTaps(
  x: usize, xStep: usize, tapStep: usize, dy: usize, pixel: usize, dw: usize, from0: i32, to0: i32, from1: i32, to1: i32,
): void {
  neighbouringTaps(2, x, xStep, tapStep, dy, pixel, dw, from0, to0, from1, to1, from1, to1)
}

function threeTaps(
  x: usize, xStep: usize, tapStep: usize, dy: usize, pixel: usize, dw: usize,
  from0: i32, to0: i32, from1: i32, to1: i32, from2: i32, to2: i32,
): void {
  neighbouringTaps(3, x, xStep, tapStep, dy, pixel, dw, from0, to0, from1, to1, from2, to2)
}

/** The first column of dy that tap `kx` meets. */
// @ts-ignore: decorator
@inline
function firstColumn(p: DepthwiseGradientParams, kx: i32): i32 {
  return min(windowsBefore(kx * p.dW - p.left, p.sW), p.outW)
}

/** The column behind the last that tap `kx` meets. */
// @ts-ignore: decorator
@inline
function endColumn(p: DepthwiseGradientParams, kx: i32): i32 {
  return max(firstColumn(p, kx), min(windowsUntil(kx * p.dW - p.left, p.sW, p.inW - 1), p.outW))
}

/** dw += columns [from, to) of a row of dy with tap `kx`, for `width` channels; x is the row's start. */
function rowOfTap(p: DepthwiseGradientParams, x: usize, dy: usize, dw: usize, kx: i32, from: i32, to: i32, width: i32): void {
  const pixel = <usize>p.channels << 2
  const at = x + (from * p.sW - p.left + kx * p.dW) * pixel
  for (let i = 0; i < width; i += 4)
    oneTap(at + (i << 2), p.sW * pixel, dy + from * pixel + (i << 2), pixel, to - from, dw + kx * pixel + (i << 2), width - i)
}

export function depthwise_weight_gradient_f32(p: DepthwiseGradientParams, tile: i32, thread: i32): void {
  const channels = p.channels
  const pixel = <usize>channels << 2
  const xStep = p.sW * pixel
  const tapStep = p.dW * pixel
  const end = min((tile + 1) * p.chunk, p.rows)
  const part = p.dw + tile * p.partBytes
  memory.fill(part, 0, p.kH * p.kW * pixel)
  for (let row = tile * p.chunk; row < end; row++) {
    const image = row / p.outH
    const start = (row - image * p.outH) * p.sH - p.top
    const first = firstTap(start, p.dH)
    const last = lastTap(start, p.inH, p.dH, p.kH)
    const x = p.x + <usize>(image * p.inH) * p.inW * pixel
    const dy = p.dy + <usize>row * p.outW * pixel
    for (let kx = 0; kx < p.kW; ) {
      const taps = min(3, p.kW - kx)
      const from0 = firstColumn(p, kx), from1 = firstColumn(p, kx + 1), from2 = firstColumn(p, kx + 2)
      const to0 = endColumn(p, kx), to1 = endColumn(p, kx + 1), to2 = endColumn(p, kx + 2)
      for (let ky = first; ky < last; ky++) {
        const xRow = x + (start + ky * p.dH) * p.inW * pixel
        const dw = part + ky * p.kW * pixel
        for (let i = 0; i < channels; i += 8) {
          const at = <usize>i << 2
          const xTap = xRow + (kx * p.dW - p.left) * pixel + at
          const dwTap = dw + kx * pixel + at
          if (i + 8 > channels || taps == 1) {
            const width = min(8, channels - i)
            rowOfTap(p, xRow + at, dy + at, dw + at, kx, from0, to0, width)
            if (taps > 1) rowOfTap(p, xRow + at, dy + at, dw + at, kx + 1, from1, to1, width)
            if (taps > 2) rowOfTap(p, xRow + at, dy + at, dw + at, kx + 2, from2, to2, width)
          } else if (taps == 2) twoTaps(xTap, xStep, tapStep, dy + at, pixel, dwTap, from0, to0, from1, to1)
          else threeTaps(xTap, xStep, tapStep, dy + at, pixel, dwTap, from0, to0, from1, to1, from2, to2)
        }
      }
      kx += taps
    }
  }
}
