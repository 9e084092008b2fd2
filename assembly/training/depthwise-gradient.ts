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

/** The same for three taps and eight channels. */
// @ts-ignore: decorator
@inline
function threeTaps(x: usize, xStep: usize, tapStep: usize, dy: usize, pixel: usize, count: i32, dw: usize): void {
  let a0 = v128.load(dw), b0 = v128.load(dw, 16)
  let a1 = v128.load(dw + pixel), b1 = v128.load(dw + pixel, 16)
  let a2 = v128.load(dw + 2 * pixel), b2 = v128.load(dw + 2 * pixel, 16)
  for (; count > 0; count--, x += xStep, dy += pixel) {
    const u = v128.load(dy), v = v128.load(dy, 16)
    a0 = madd(v128.load(x), u, a0); b0 = madd(v128.load(x, 16), v, b0)
    const second = x + tapStep
    a1 = madd(v128.load(second), u, a1); b1 = madd(v128.load(second, 16), v, b1)
    const third = second + tapStep
    a2 = madd(v128.load(third), u, a2); b2 = madd(v128.load(third, 16), v, b2)
  }
  v128.store(dw, a0); v128.store(dw, b0, 16)
  v128.store(dw + pixel, a1); v128.store(dw + pixel, b1, 16)
  v128.store(dw + 2 * pixel, a2); v128.store(dw + 2 * pixel, b2, 16)
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
    for (let i = 0; i < channels; i += 8) {
      const width = min(8, channels - i)
      for (let ky = first; ky < last; ky++) {
        const xRow = x + (start + ky * p.dH) * p.inW * pixel + (<usize>i << 2)
        const dyRow = dy + (<usize>i << 2)
        const dw = part + ky * p.kW * pixel + (<usize>i << 2)
        let kx = 0
        while (kx < p.kW) {
          const left = kx * p.dW - p.left
          const from = min(windowsBefore(left, p.sW), p.outW)
          const to = max(from, min(windowsUntil(left, p.sW, p.inW - 1), p.outW))
          if (width < 8 || kx + 3 > p.kW) {
            rowOfTap(p, xRow, dyRow, dw, kx, from, to, width)
            kx++
            continue
          }
          // Columns that all three taps meet, then what single taps meet left and right of them.
          const right = left + 2 * p.dW
          const innerTo = max(from, min(windowsUntil(right, p.sW, p.inW - 1), p.outW))
          threeTaps(
            xRow + (from * p.sW + left) * pixel, xStep, tapStep, dyRow + from * pixel, pixel, innerTo - from, dw + kx * pixel,
          )
          for (let tap = 0; tap < 3; tap++) {
            const tapLeft = left + tap * p.dW
            const tapFrom = min(windowsBefore(tapLeft, p.sW), p.outW)
            const tapTo = min(windowsUntil(tapLeft, p.sW, p.inW - 1), p.outW)
            if (tapFrom < from) rowOfTap(p, xRow, dyRow, dw, kx + tap, tapFrom, min(from, tapTo), width)
            if (tapTo > innerTo) rowOfTap(p, xRow, dyRow, dw, kx + tap, max(innerTo, tapFrom), tapTo, width)
          }
          kx += 3
        }
      }
    }
  }
}
