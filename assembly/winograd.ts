// Convolution of 3 x 3 taps, stride 1, by F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks" (2015): y = A' [(G w G') * (B' x B)] A. A patch of 4 x 4 pixels of x gives 2 x 2 pixels of y, with 16 products a
// channel and output instead of 36; the products are 16 matrix products over all patches.

import { activate } from './activation'
import { storeLeft } from './simd'

/**
 * u [size size][panels][k][8] = G w G' of the weights w [3][3][k][n], element strides in bytes. Tap (0, 0) lies at w, taps
 * `tapStride` apart. Missing columns of the last panel hold anything. One tile a panel. The list holds the rows of
 * G [size][3] as bits of float32.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradWeightsParams { w: usize; u: usize; k: i32; n: i32; tapStride: i32; kStride: i32; nStride: i32; matrixBytes: i32; size: i32 }

/** Four neighbours in n; beyond the end, the last one again where they are not neighbours in memory. */
// @ts-ignore: decorator
@inline
function fourOf(at: usize, stride: i32, left: i32): v128 {
  if (stride == 4) return v128.load(at)
  let lanes = v128.load32_splat(at)
  if (left > 1) lanes = v128.load_lane<f32>(at + stride, lanes, 1)
  if (left > 2) lanes = v128.load_lane<f32>(at + 2 * stride, lanes, 2)
  if (left > 3) lanes = v128.load_lane<f32>(at + 3 * stride, lanes, 3)
  return lanes
}

/** The dot product of row `g` of G with three taps. */
// @ts-ignore: decorator
@inline
function weigh(g: usize, a: v128, b: v128, c: v128): v128 {
  const first = f32x4.mul(v128.load32_splat(g), a)
  const second = f32x4.mul(v128.load32_splat(g, 4), b)
  return f32x4.add(f32x4.add(first, second), f32x4.mul(v128.load32_splat(g, 8), c))
}

export function winograd_weights_f32(p: WinogradWeightsParams, tile: i32, thread: i32): void {
  const g = changetype<usize>(p) + offsetof<WinogradWeightsParams>()
  const end = g + 12 * p.size
  const t = p.tapStride
  const stride = p.nStride
  for (let k = 0; k < p.k; k++)
    for (let lane = 0; lane < 8; lane += 4) {
      const n = tile * 8 + lane
      if (n >= p.n) break
      const left = p.n - n
      const w = p.w + k * p.kStride + n * stride
      const w00 = fourOf(w, stride, left), w01 = fourOf(w + t, stride, left), w02 = fourOf(w + 2 * t, stride, left)
      const w10 = fourOf(w + 3 * t, stride, left), w11 = fourOf(w + 4 * t, stride, left), w12 = fourOf(w + 5 * t, stride, left)
      const w20 = fourOf(w + 6 * t, stride, left), w21 = fourOf(w + 7 * t, stride, left), w22 = fourOf(w + 8 * t, stride, left)
      let to = p.u + (<usize>(tile * p.k + k) << 5) + (<usize>lane << 2)
      for (let row = g; row < end; row += 12) {
        const a = weigh(row, w00, w10, w20)
        const b = weigh(row, w01, w11, w21)
        const c = weigh(row, w02, w12, w22)
        for (let column = g; column < end; column += 12, to += p.matrixBytes) v128.store(to, weigh(column, a, b, c))
      }
    }
}

/**
 * Patches [first, first + count) of images [height, width, channels], `patchesY` x `patchesX` an image, the first at
 * (-top, -left): pixels outside the image are 0. v [16][count][channels], its matrices `matrixBytes` apart.
 * A tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradInputParams {
  x: usize
  v: usize
  first: i32
  count: i32
  patches: i32
  patchesY: i32
  patchesX: i32
  height: i32
  width: i32
  channels: i32
  top: i32
  left: i32
  matrixBytes: i32
}

/** Stores four lanes, or the first `left` of them unless `full`. */
// @ts-ignore: decorator
@inline
function put(to: usize, value: v128, left: i32, full: bool): void {
  if (full) v128.store(to, value)
  else storeLeft(to, value, left)
}

/**
 * Row `o` of B' d B, where the row of B' d is the row of pixels at `a` plus or minus that at `b`. With `masked`, rows and
 * columns of pixels whose mask is 0 count as 0; `one`, `two` and `three` are the byte offsets of columns 1 to 3.
 */
// @ts-ignore: decorator
@inline
function patchRow(
  a: usize, b: usize, plus: bool, one: i32, two: i32, three: i32, masked: bool, rowA: v128, rowB: v128,
  c0: v128, c1: v128, c2: v128, c3: v128, o: usize, stride: i32, left: i32, full: bool,
): void {
  let a0 = v128.load(a), a1 = v128.load(a + one), a2 = v128.load(a + two), a3 = v128.load(a + three)
  let b0 = v128.load(b), b1 = v128.load(b + one), b2 = v128.load(b + two), b3 = v128.load(b + three)
  if (masked) {
    a0 = v128.and(a0, rowA); a1 = v128.and(a1, rowA); a2 = v128.and(a2, rowA); a3 = v128.and(a3, rowA)
    b0 = v128.and(b0, rowB); b1 = v128.and(b1, rowB); b2 = v128.and(b2, rowB); b3 = v128.and(b3, rowB)
  }
  if (plus) {
    a0 = f32x4.add(a0, b0); a1 = f32x4.add(a1, b1); a2 = f32x4.add(a2, b2); a3 = f32x4.add(a3, b3)
  } else {
    a0 = f32x4.sub(a0, b0); a1 = f32x4.sub(a1, b1); a2 = f32x4.sub(a2, b2); a3 = f32x4.sub(a3, b3)
  }
  if (masked) {
    a0 = v128.and(a0, c0); a1 = v128.and(a1, c1); a2 = v128.and(a2, c2); a3 = v128.and(a3, c3)
  }
  put(o, f32x4.sub(a0, a2), left, full)
  put(o + stride, f32x4.add(a1, a2), left, full)
  put(o + 2 * stride, f32x4.sub(a2, a1), left, full)
  put(o + 3 * stride, f32x4.sub(a1, a3), left, full)
}

/** Whether `at` is a place among `size`, as a mask. */
// @ts-ignore: decorator
@inline
export function maskOf(at: i32, size: i32): v128 {
  return i32x4.splat(<u32>at < <u32>size ? -1 : 0)
}

// @ts-ignore: decorator
@inline
export function clamp(at: i32, size: i32): i32 {
  return max(0, min(at, size - 1))
}

/** B' d B of the patch at (y, x) of an image, in channels; pixels outside are read at the nearest one and masked. */
// @ts-ignore: decorator
@inline
function transformPatch(p: WinogradInputParams, image: usize, y: i32, x: i32, v: usize, masked: bool): void {
  const channels = p.channels
  const pixel = channels << 2
  const line = p.width * pixel
  const s = p.matrixBytes
  const x0 = masked ? clamp(x, p.width) : x
  const r0 = image + (masked ? clamp(y, p.height) : y) * line + x0 * pixel
  const r1 = image + (masked ? clamp(y + 1, p.height) : y + 1) * line + x0 * pixel
  const r2 = image + (masked ? clamp(y + 2, p.height) : y + 2) * line + x0 * pixel
  const r3 = image + (masked ? clamp(y + 3, p.height) : y + 3) * line + x0 * pixel
  const one = masked ? (clamp(x + 1, p.width) - x0) * pixel : pixel
  const two = masked ? (clamp(x + 2, p.width) - x0) * pixel : 2 * pixel
  const three = masked ? (clamp(x + 3, p.width) - x0) * pixel : 3 * pixel
  const y0 = maskOf(y, p.height), y1 = maskOf(y + 1, p.height), y2 = maskOf(y + 2, p.height), y3 = maskOf(y + 3, p.height)
  const c0 = maskOf(x, p.width), c1 = maskOf(x + 1, p.width), c2 = maskOf(x + 2, p.width), c3 = maskOf(x + 3, p.width)
  let c = 0
  for (; c + 16 <= pixel; c += 16) {
    const o = v + c
    patchRow(r0 + c, r2 + c, false, one, two, three, masked, y0, y2, c0, c1, c2, c3, o, s, 4, true)
    patchRow(r1 + c, r2 + c, true, one, two, three, masked, y1, y2, c0, c1, c2, c3, o + 4 * s, s, 4, true)
    patchRow(r2 + c, r1 + c, false, one, two, three, masked, y2, y1, c0, c1, c2, c3, o + 8 * s, s, 4, true)
    patchRow(r1 + c, r3 + c, false, one, two, three, masked, y1, y3, c0, c1, c2, c3, o + 12 * s, s, 4, true)
  }
  if (c == pixel) return
  const o = v + c
  const left = (pixel - c) >> 2
  patchRow(r0 + c, r2 + c, false, one, two, three, masked, y0, y2, c0, c1, c2, c3, o, s, left, false)
  patchRow(r1 + c, r2 + c, true, one, two, three, masked, y1, y2, c0, c1, c2, c3, o + 4 * s, s, left, false)
  patchRow(r2 + c, r1 + c, false, one, two, three, masked, y2, y1, c0, c1, c2, c3, o + 8 * s, s, left, false)
  patchRow(r1 + c, r3 + c, false, one, two, three, masked, y1, y3, c0, c1, c2, c3, o + 12 * s, s, left, false)
}

export function winograd_input_f32(p: WinogradInputParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const pixel = p.channels << 2
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const number = row / p.patchesY
    const y = ((row - number * p.patchesY) << 1) - p.top
    const x = ((index - row * p.patchesX) << 1) - p.left
    const image = p.x + number * p.height * p.width * pixel
    const v = p.v + patch * pixel
    if (x >= 0 && x + 3 < p.width && y >= 0 && y + 3 < p.height) transformPatch(p, image, y, x, v, false)
    else transformPatch(p, image, y, x, v, true)
  }
}

/**
 * The pixels of y [images, height, width, outputs] that patches [first, first + count) give, from their products
 * m [16][count][outputs], `matrixBytes` apart: A' m A + bias (0: none), at least `lower`, then `activation`.
 * A tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradOutputParams {
  m: usize
  y: usize
  bias: usize
  first: i32
  count: i32
  patches: i32
  patchesY: i32
  patchesX: i32
  height: i32
  width: i32
  outputs: i32
  matrixBytes: i32
  lower: f32
  activation: i32
  alpha: f32
  beta: f32
}

export function winograd_output_f32(p: WinogradOutputParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const outputs = p.outputs
  const pixel = outputs << 2
  const line = p.width * pixel
  const s = p.matrixBytes
  const lower = f32x4.splat(p.lower)
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const image = row / p.patchesY
    const y = (row - image * p.patchesY) << 1
    const x = (index - row * p.patchesX) << 1
    const right = x + 1 < p.width
    const below = y + 1 < p.height
    const corner = p.y + (image * p.height + y) * line + x * pixel
    const m = p.m + patch * pixel
    for (let c = 0; c < outputs; c += 4) {
      const left = outputs - c
      const bias = p.bias == 0 ? f32x4.splat(0) : v128.load(p.bias + (c << 2))
      let at = m + (c << 2)
      let t00 = bias, t01 = bias, t10 = bias, t11 = bias
      for (let i = 0; i < 4; i++, at += 4 * s) {
        const b = v128.load(at + s)
        const g = v128.load(at + 2 * s)
        const first = f32x4.add(f32x4.add(v128.load(at), b), g)
        const second = f32x4.sub(f32x4.sub(b, g), v128.load(at + 3 * s))
        if (i < 3) { t00 = f32x4.add(t00, first); t01 = f32x4.add(t01, second) }
        if (i == 1) { t10 = f32x4.add(t10, first); t11 = f32x4.add(t11, second) }
        if (i > 1) { t10 = f32x4.sub(t10, first); t11 = f32x4.sub(t11, second) }
      }
      const to = corner + (c << 2)
      storeLeft(to, f32x4.pmax(t00, lower), left)
      if (right) storeLeft(to + pixel, f32x4.pmax(t01, lower), left)
      if (below) {
        storeLeft(to + line, f32x4.pmax(t10, lower), left)
        if (right) storeLeft(to + line + pixel, f32x4.pmax(t11, lower), left)
      }
    }
    if (p.activation != 0) {
      const count = right ? 2 * outputs : outputs
      activate(p.activation, corner, count, p.alpha, p.beta)
      if (below) activate(p.activation, corner + line, count, p.alpha, p.beta)
    }
  }
}
