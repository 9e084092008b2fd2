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

/** Row of B' d B, `stride` bytes from column to column, from the columns of B' d. */
// @ts-ignore: decorator
@inline
function patchRow(o: usize, stride: i32, d0: v128, d1: v128, d2: v128, d3: v128): void {
  v128.store(o, f32x4.sub(d0, d2))
  v128.store(o + stride, f32x4.add(d1, d2))
  v128.store(o + 2 * stride, f32x4.sub(d2, d1))
  v128.store(o + 3 * stride, f32x4.sub(d1, d3))
}

/** Row of B' d B, where the row of B' d is the row of pixels at `a` less that at `b`. */
// @ts-ignore: decorator
@inline
function differenceRow(a: usize, b: usize, pixel: i32, o: usize, stride: i32): void {
  patchRow(
    o, stride, f32x4.sub(v128.load(a), v128.load(b)), f32x4.sub(v128.load(a + pixel), v128.load(b + pixel)),
    f32x4.sub(v128.load(a + 2 * pixel), v128.load(b + 2 * pixel)), f32x4.sub(v128.load(a + 3 * pixel), v128.load(b + 3 * pixel)),
  )
}

/** The same with the sum of both. */
// @ts-ignore: decorator
@inline
function sumRow(a: usize, b: usize, pixel: i32, o: usize, stride: i32): void {
  patchRow(
    o, stride, f32x4.add(v128.load(a), v128.load(b)), f32x4.add(v128.load(a + pixel), v128.load(b + pixel)),
    f32x4.add(v128.load(a + 2 * pixel), v128.load(b + 2 * pixel)), f32x4.add(v128.load(a + 3 * pixel), v128.load(b + 3 * pixel)),
  )
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

/** B' d B of a patch within an image whose first pixel is at `r0`, for as many channels as make whole vectors; how many bytes these are. */
// @ts-ignore: decorator
@inline
function transformPatch(p: WinogradInputParams, r0: usize, v: usize): i32 {
  const pixel = p.channels << 2
  const line = p.width * pixel
  const s = p.matrixBytes
  let c = 0
  for (; c + 16 <= pixel; c += 16, r0 += 16, v += 16) {
    const r1 = r0 + line
    const r2 = r1 + line
    differenceRow(r0, r2, pixel, v, s)
    sumRow(r1, r2, pixel, v + 4 * s, s)
    differenceRow(r2, r1, pixel, v + 8 * s, s)
    differenceRow(r1, r2 + line, pixel, v + 12 * s, s)
  }
  return c
}

/** B' d B of the patch at (y, x) of an image, from channel `first` bytes on; pixels outside are read at the nearest one and masked. */
function transformEdge(p: WinogradInputParams, image: usize, y: i32, x: i32, v: usize, first: i32): void {
  const pixel = p.channels << 2
  const line = p.width * pixel
  const s = p.matrixBytes
  const x0 = clamp(x, p.width) * pixel, x1 = clamp(x + 1, p.width) * pixel
  const x2 = clamp(x + 2, p.width) * pixel, x3 = clamp(x + 3, p.width) * pixel
  const c0 = maskOf(x, p.width), c1 = maskOf(x + 1, p.width), c2 = maskOf(x + 2, p.width), c3 = maskOf(x + 3, p.width)
  for (let row = 0; row < 4; row++, v += 4 * s) {
    // Rows 0 - 2, 1 + 2, 2 - 1 and 1 - 3 of the patch.
    const above = y + (row == 0 ? 0 : row == 2 ? 2 : 1)
    const below = y + (row < 2 ? 2 : row == 2 ? 1 : 3)
    const sign = i32x4.splat(row == 1 ? 0 : i32.MIN_VALUE)
    const maskA = maskOf(above, p.height), maskB = maskOf(below, p.height)
    let a = image + clamp(above, p.height) * line + first
    let b = image + clamp(below, p.height) * line + first
    let o = v + first
    for (let left = p.channels - (first >> 2); left > 0; left -= 4, a += 16, b += 16, o += 16) {
      const d0 = v128.and(joined(a + x0, b + x0, maskA, maskB, sign), c0)
      const d1 = v128.and(joined(a + x1, b + x1, maskA, maskB, sign), c1)
      const d2 = v128.and(joined(a + x2, b + x2, maskA, maskB, sign), c2)
      const d3 = v128.and(joined(a + x3, b + x3, maskA, maskB, sign), c3)
      storeLeft(o, f32x4.sub(d0, d2), left)
      storeLeft(o + s, f32x4.add(d1, d2), left)
      storeLeft(o + 2 * s, f32x4.sub(d2, d1), left)
      storeLeft(o + 3 * s, f32x4.sub(d1, d3), left)
    }
  }
}

/** The pixel at `a` plus that at `b`, or less that if `sign` holds sign bits; those whose mask is 0 count as 0. */
// @ts-ignore: decorator
@inline
function joined(a: usize, b: usize, maskA: v128, maskB: v128, sign: v128): v128 {
  return f32x4.add(v128.and(v128.load(a), maskA), v128.xor(v128.and(v128.load(b), maskB), sign))
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
    const inside = x >= 0 && x + 3 < p.width && y >= 0 && y + 3 < p.height
    const done = inside ? transformPatch(p, image + (y * p.width + x) * pixel, v) : 0
    if (done < pixel) transformEdge(p, image, y, x, v, done)
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
