import { activate } from './activation'
import { tile_3_1, tile_3_2, tile_5_1, tile_5_2 } from './gen/depthwise'
import { madd, storeLeft } from './simd'
import { firstTap, lastTap, windowsBefore, windowsUntil } from './window'

/**
 * Convolution of channels-last images [images, inH, inW, channels], each channel with its own kernel: w [kH, kW, channels],
 * bias [channels] or 0. `transposed`: the gradient by the input of such a convolution instead, x being that of the
 * output; then stride or dilation is 1 in each direction. Results are clamped to [lower, upper], then activated.
 * Tiles: `chunk` output rows.
 */
// @ts-ignore: decorator
@unmanaged
export class DepthwiseParams {
  x: usize; w: usize; bias: usize; y: usize
  rows: i32; chunk: i32; channels: i32
  inH: i32; inW: i32; outH: i32; outW: i32
  kH: i32; kW: i32; sH: i32; sW: i32; dH: i32; dW: i32; top: i32; left: i32
  transposed: i32
  lower: f32; upper: f32
  activation: i32; alpha: f32; beta: f32
}

// @ts-ignore: decorator
@inline
function clamped(value: v128, p: DepthwiseParams): v128 {
  return f32x4.pmin(f32x4.pmax(value, f32x4.splat(p.lower)), f32x4.splat(p.upper))
}

/**
 * `count` output columns, `yStep` bytes apart, of all channels: the sum over tapsY x tapsX taps, which lie rowStep and
 * tapStep bytes apart in x, wRow and wTap bytes in w; xStep bytes of x lie between the windows of two columns.
 */
function columns(
  p: DepthwiseParams, x: usize, w: usize, y: usize, count: i32,
  tapsY: i32, rowStep: usize, wRow: usize, tapsX: i32, tapStep: usize, wTap: usize, xStep: usize, yStep: usize,
): void {
  const channels = p.channels
  const bias = p.bias
  const pixel = <usize>channels << 2
  const whole = count
  const step = tapStep != pixel || (tapsX != 3 && tapsX != 5) ? 0 : xStep == pixel ? 1 : xStep == 2 * pixel ? 2 : 0
  if (step > 0) while (count > 1 && whole >= 4) {
    // The last tile may overlap the one before it.
    const back = max(4 - count, 0)
    count -= 4 - back
    x -= back * xStep
    y -= back * yStep
    switch (tapsX + step) {
      case 4: { tile_3_1(x, w, y, bias, pixel, tapsY, rowStep, wRow, wTap, yStep, p.lower, p.upper); break }
      case 5: { tile_3_2(x, w, y, bias, pixel, tapsY, rowStep, wRow, wTap, yStep, p.lower, p.upper); break }
      case 6: { tile_5_1(x, w, y, bias, pixel, tapsY, rowStep, wRow, wTap, yStep, p.lower, p.upper); break }
      default: tile_5_2(x, w, y, bias, pixel, tapsY, rowStep, wRow, wTap, yStep, p.lower, p.upper)
    }
    x += xStep << 2
    y += yStep << 2
  }
  for (; count >= 4; count -= 4, x += xStep << 2, y += yStep << 2) {
    let i = 0
    for (; i + 8 <= channels; i += 8) {
      let a0 = f32x4.splat(0), b0 = f32x4.splat(0)
      if (bias != 0) {
        a0 = v128.load(bias + (<usize>i << 2))
        b0 = v128.load(bias + (<usize>i << 2), 16)
      }
      let a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0
      let row = x + (<usize>i << 2), kernel = w + (<usize>i << 2)
      for (let ky = tapsY; ky > 0; ky--, row += rowStep, kernel += wRow) {
        let at = row, q = kernel
        for (let kx = tapsX; kx > 0; kx--, at += tapStep, q += wTap) {
          const u = v128.load(q), v = v128.load(q, 16)
          let c = at
          a0 = madd(v128.load(c), u, a0); b0 = madd(v128.load(c, 16), v, b0); c += xStep
          a1 = madd(v128.load(c), u, a1); b1 = madd(v128.load(c, 16), v, b1); c += xStep
          a2 = madd(v128.load(c), u, a2); b2 = madd(v128.load(c, 16), v, b2); c += xStep
          a3 = madd(v128.load(c), u, a3); b3 = madd(v128.load(c, 16), v, b3)
        }
      }
      let o = y + (<usize>i << 2)
      v128.store(o, clamped(a0, p)); v128.store(o, clamped(b0, p), 16); o += yStep
      v128.store(o, clamped(a1, p)); v128.store(o, clamped(b1, p), 16); o += yStep
      v128.store(o, clamped(a2, p)); v128.store(o, clamped(b2, p), 16); o += yStep
      v128.store(o, clamped(a3, p)); v128.store(o, clamped(b3, p), 16)
    }
    for (; i < channels; i += 4) {
      let a0 = bias == 0 ? f32x4.splat(0) : v128.load(bias + (<usize>i << 2))
      let a1 = a0, a2 = a0, a3 = a0
      let row = x + (<usize>i << 2), kernel = w + (<usize>i << 2)
      for (let ky = tapsY; ky > 0; ky--, row += rowStep, kernel += wRow) {
        let at = row, q = kernel
        for (let kx = tapsX; kx > 0; kx--, at += tapStep, q += wTap) {
          const u = v128.load(q)
          let c = at
          a0 = madd(v128.load(c), u, a0); c += xStep
          a1 = madd(v128.load(c), u, a1); c += xStep
          a2 = madd(v128.load(c), u, a2); c += xStep
          a3 = madd(v128.load(c), u, a3)
        }
      }
      const left = channels - i
      let o = y + (<usize>i << 2)
      storeLeft(o, clamped(a0, p), left); o += yStep
      storeLeft(o, clamped(a1, p), left); o += yStep
      storeLeft(o, clamped(a2, p), left); o += yStep
      storeLeft(o, clamped(a3, p), left)
    }
  }
  for (; count > 0; count--, x += xStep, y += yStep) {
    let i = 0
    for (; i + 8 <= channels; i += 8) {
      let a = f32x4.splat(0), b = f32x4.splat(0)
      if (bias != 0) {
        a = v128.load(bias + (<usize>i << 2))
        b = v128.load(bias + (<usize>i << 2), 16)
      }
      let row = x + (<usize>i << 2), kernel = w + (<usize>i << 2)
      for (let ky = tapsY; ky > 0; ky--, row += rowStep, kernel += wRow) {
        let at = row, q = kernel
        for (let kx = tapsX; kx > 0; kx--, at += tapStep, q += wTap) {
          a = madd(v128.load(at), v128.load(q), a)
          b = madd(v128.load(at, 16), v128.load(q, 16), b)
        }
      }
      const o = y + (<usize>i << 2)
      v128.store(o, clamped(a, p))
      v128.store(o, clamped(b, p), 16)
    }
    for (; i < channels; i += 4) {
      let a = bias == 0 ? f32x4.splat(0) : v128.load(bias + (<usize>i << 2))
      let row = x + (<usize>i << 2), kernel = w + (<usize>i << 2)
      for (let ky = tapsY; ky > 0; ky--, row += rowStep, kernel += wRow) {
        let at = row, q = kernel
        for (let kx = tapsX; kx > 0; kx--, at += tapStep, q += wTap) a = madd(v128.load(at), v128.load(q), a)
      }
      storeLeft(y + (<usize>i << 2), clamped(a, p), channels - i)
    }
  }
}

/**
 * `count` windows of a row: window j starts at column `start + j step` of x and ends up `j yStep` bytes after y. x is the
 * first row that the windows meet, w their first tap.
 */
function windows(
  p: DepthwiseParams, x: usize, w: usize, y: usize, count: i32,
  tapsY: i32, rowStep: usize, wRow: usize, tapsX: i32, wTap: usize, start: i32, step: i32, yStep: usize,
): void {
  const pixel = <usize>p.channels << 2
  const dilation = p.dW
  const tapStep = dilation * pixel
  const inner = min(windowsBefore(start, step), count)
  const end = max(inner, min(windowsUntil(start, step, p.inW - 1 - dilation * (tapsX - 1)), count))
  for (let j = 0; j < count; ) {
    const first = start + j * step
    let from = 0, taps = tapsX, run = 1
    if (j == inner && end > inner) run = end - inner
    else {
      from = firstTap(first, dilation)
      taps = max(0, lastTap(first, p.inW, dilation, tapsX) - from)
    }
    columns(
      p, x + (first + from * dilation) * pixel, w + from * wTap, y, run,
      tapsY, rowStep, wRow, taps, tapStep, wTap, step * pixel, yStep,
    )
    j += run
    y += run * yStep
  }
}

export function depthwise_f32(p: DepthwiseParams, tile: i32, thread: i32): void {
  const pixel = <usize>p.channels << 2
  const line = p.inW * pixel
  const outLine = p.outW * pixel
  const end = min((tile + 1) * p.chunk, p.rows)
  for (let row = tile * p.chunk; row < end; row++) {
    const image = row / p.outH
    const oy = row - image * p.outH
    const y = p.y + row * outLine
    const x = p.x + image * p.inH * line
    if (!p.transposed) {
      const start = oy * p.sH - p.top
      const from = firstTap(start, p.dH)
      windows(
        p, x + (start + from * p.dH) * line, p.w + from * p.kW * pixel, y, p.outW,
        lastTap(start, p.inH, p.dH, p.kH) - from, p.dH * line, p.kW * pixel, p.kW, pixel, -p.left, p.sW, pixel,
      )
    } else {
      // Taps with one rest by the stride meet this row, the last of them the first row of x.
      const restY = (oy + p.top) % p.sH
      const tapsY = restY < p.kH ? (p.kH - 1 - restY) / p.sH + 1 : 0
      const start = (oy + p.top) / p.sH - p.dH * (tapsY - 1)
      const from = firstTap(start, p.dH)
      const count = lastTap(start, p.inH, p.dH, tapsY) - from
      const w = p.w + (restY + p.sH * (tapsY - 1 - from)) * p.kW * pixel
      for (let phase = 0; phase < min(p.sW, p.outW); phase++) {
        const restX = (phase + p.left) % p.sW
        const tapsX = restX < p.kW ? (p.kW - 1 - restX) / p.sW + 1 : 0
        windows(
          p, x + (start + from * p.dH) * line, w + (restX + p.sW * (tapsX - 1)) * pixel, y + phase * pixel,
          (p.outW - 1 - phase) / p.sW + 1, count, p.dH * line, -p.sH * p.kW * pixel, tapsX, -p.sW * pixel,
          (phase + p.left) / p.sW - p.dW * (tapsX - 1), 1, p.sW * pixel,
        )
      }
    }
    if (p.activation != 0) activate(p.activation, y, p.outW * p.channels, p.alpha, p.beta)
  }
}
