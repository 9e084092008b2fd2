// Winograd's F(2x2, 3x3), as in winograd.ts, on integers, exact: y = A' [(2G w 2G') * (B' x B)] A / 4. With operands of 9 bits
// and a sign the transformed weights lie within 2295, the patches within 1020; sums wrap, but their last does not as long as
// 4 * 9 * 255 * 255 * channels < 2^31.

import { rounded, roundingOffset } from './quantize'

/**
 * u [16][panels][k / 2][8][2] int16 = 2G w 2G' of the bytes w [3][3][k][n] less their zero points; k and n are
 * multiples of 8. `zeros` zero points follow in the list: none, one, or n. One tile a panel of 8 columns.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradWeightsI16Params { w: usize; u: usize; k: i32; n: i32; matrixBytes: i32; isSigned: i32; zeros: i32 }

/** Element `row` of 2G times a column of three. */
// @ts-ignore: decorator
@inline
function spread(row: i32, a: i32, b: i32, c: i32): i32 {
  return row == 0 ? 2 * a : row == 3 ? 2 * c : row == 1 ? a + b + c : a - b + c
}

export function winograd_weights_i16(p: WinogradWeightsI16Params, tile: i32, thread: i32): void {
  const tapStride = p.k * p.n
  const zeros = changetype<usize>(p) + offsetof<WinogradWeightsI16Params>()
  for (let k = 0; k < p.k; k++)
    for (let lane = 0; lane < 8; lane++) {
      const n = tile * 8 + lane
      const zero = p.zeros == 0 ? 0 : load<i32>(zeros + (<usize>(p.zeros > 1 ? n : 0) << 2))
      const w = p.w + k * p.n + n
      const to = p.u + (<usize>(tile * (p.k >> 1) + (k >> 1)) << 5) + (<usize>lane << 2) + (<usize>(k & 1) << 1)
      for (let row = 0; row < 4; row++) {
        const a = spread(row, tapOf(p, w, zero), tapOf(p, w + 3 * tapStride, zero), tapOf(p, w + 6 * tapStride, zero))
        const b = spread(row, tapOf(p, w + tapStride, zero), tapOf(p, w + 4 * tapStride, zero), tapOf(p, w + 7 * tapStride, zero))
        const c = spread(row, tapOf(p, w + 2 * tapStride, zero), tapOf(p, w + 5 * tapStride, zero), tapOf(p, w + 8 * tapStride, zero))
        for (let column = 0; column < 4; column++)
          store<i16>(to + (4 * row + column) * p.matrixBytes, <i16>spread(column, a, b, c))
      }
    }
}

// @ts-ignore: decorator
@inline
function tapOf(p: WinogradWeightsI16Params, at: usize, zero: i32): i32 {
  return (p.isSigned ? <i32>load<i8>(at) : <i32>load<u8>(at)) - zero
}

/**
 * v [16][count][channels] int16, matrices `matrixBytes` apart: B' d B of patches [first, first + count) of int16 frames
 * [2 patchesY + 2, 2 patchesX + 2, channels], channels a multiple of 8. A tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradInputI16Params { x: usize; v: usize; first: i32; count: i32; patches: i32; patchesY: i32; patchesX: i32; channels: i32; matrixBytes: i32 }

export function winograd_input_i16(p: WinogradInputI16Params, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const pixel = p.channels << 1
  const line = (2 * p.patchesX + 2) * pixel
  const s = p.matrixBytes
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const image = row / p.patchesY
    const y = image * (2 * p.patchesY + 2) + ((row - image * p.patchesY) << 1)
    const x = (index - row * p.patchesX) << 1
    let from = p.x + y * line + x * pixel
    let to = p.v + patch * pixel
    for (let c = 0; c < p.channels; c += 8, from += 16, to += 16)
      for (let i = 0; i < 4; i++) {
        // Row i of B' d: the rows of pixels 0 - 2, 1 + 2, 2 - 1, 1 - 3.
        const a = from + (i == 0 ? 0 : i == 2 ? 2 : 1) * line
        const b = from + (i == 3 ? 3 : i == 2 ? 1 : 2) * line
        const d0 = combined(a, b, i), d1 = combined(a + pixel, b + pixel, i)
        const d2 = combined(a + 2 * pixel, b + 2 * pixel, i), d3 = combined(a + 3 * pixel, b + 3 * pixel, i)
        const o = to + 4 * i * s
        v128.store(o, i16x8.sub(d0, d2))
        v128.store(o + s, i16x8.add(d1, d2))
        v128.store(o + 2 * s, i16x8.sub(d2, d1))
        v128.store(o + 3 * s, i16x8.sub(d1, d3))
      }
  }
}

// @ts-ignore: decorator
@inline
function combined(a: usize, b: usize, row: i32): v128 {
  return row == 1 ? i16x8.add(v128.load(a), v128.load(b)) : i16x8.sub(v128.load(a), v128.load(b))
}

/**
 * The bytes of y [images, height, width, outputs] that patches [first, first + count) give, from their products
 * m [16][count][outputs] int32, `matrixBytes` apart: (A' m A / 4 + bias) times the multipliers, rounded half to even, plus the
 * zero point, in [low, high]. Outputs are a multiple of 4; a tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradOutputI16Params {
  m: usize
  y: usize
  bias: usize
  multipliers: usize
  zero: usize
  isSigned: i32
  low: f32
  high: f32
  first: i32
  count: i32
  patches: i32
  patchesY: i32
  patchesX: i32
  height: i32
  width: i32
  outputs: i32
  matrixBytes: i32
}

export function winograd_output_i16(p: WinogradOutputI16Params, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const outputs = p.outputs
  const s = p.matrixBytes
  const signed = p.isSigned != 0
  const zero = signed ? <i32>load<i8>(p.zero) : <i32>load<u8>(p.zero)
  const low = f32x4.splat(p.low - <f32>zero)
  const high = f32x4.splat(p.high - <f32>zero)
  const offset = roundingOffset(zero)
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const image = row / p.patchesY
    const y = (row - image * p.patchesY) << 1
    const x = (index - row * p.patchesX) << 1
    const right = x + 1 < p.width
    const below = y + 1 < p.height
    const line = p.width * outputs
    let to = p.y + ((image * p.height + y) * p.width + x) * outputs
    const m = p.m + <usize>(patch * outputs << 2)
    for (let c = 0; c < outputs; c += 4, to += 4) {
      let at = m + (c << 2)
      let t00 = i32x4.splat(0), t01 = t00, t10 = t00, t11 = t00
      for (let i = 0; i < 4; i++, at += 4 * s) {
        const b = v128.load(at + s)
        const g = v128.load(at + 2 * s)
        const first = i32x4.add(i32x4.add(v128.load(at), b), g)
        const second = i32x4.sub(i32x4.sub(b, g), v128.load(at + 3 * s))
        if (i < 3) { t00 = i32x4.add(t00, first); t01 = i32x4.add(t01, second) }
        if (i == 1) { t10 = i32x4.add(t10, first); t11 = i32x4.add(t11, second) }
        if (i > 1) { t10 = i32x4.sub(t10, first); t11 = i32x4.sub(t11, second) }
      }
      const bias = p.bias == 0 ? i32x4.splat(0) : v128.load(p.bias + (c << 2))
      const scale = v128.load(p.multipliers + (c << 2))
      const top = i16x8.narrow_i32x4_s(quantized(t00, bias, scale, low, high, offset), quantized(t01, bias, scale, low, high, offset))
      const bottom = i16x8.narrow_i32x4_s(quantized(t10, bias, scale, low, high, offset), quantized(t11, bias, scale, low, high, offset))
      const bytes = signed ? i8x16.narrow_i16x8_s(top, bottom) : i8x16.narrow_i16x8_u(top, bottom)
      v128.store32_lane(to, bytes, 0)
      if (right) v128.store32_lane(to + outputs, bytes, 1)
      if (below) {
        v128.store32_lane(to + line, bytes, 2)
        if (right) v128.store32_lane(to + line + outputs, bytes, 3)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function quantized(sum: v128, bias: v128, scale: v128, low: v128, high: v128, offset: v128): v128 {
  const exact = i32x4.add(i32x4.shr_s(sum, 2), bias)
  return rounded(f32x4.mul(f32x4.convert_i32x4_s(exact), scale), low, high, offset)
}
