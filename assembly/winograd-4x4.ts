// Convolution of 3 x 3 taps, stride 1, by F(4x4, 3x3) of Winograd: a patch of 6 x 6 pixels of x gives 4 x 4 pixels of y,
// with 36 products a channel and output instead of 144. The points of interpolation are 0, +-sqrt(1/2), +-sqrt(2) and
// infinity, whose error is smaller than that of 0, +-1, +-2. Channels and outputs are multiples of 4.

import { activate } from './activation'
import { C, constant } from './constants'
import { madd } from './simd'
import { clamp, maskOf } from './winograd'

/**
 * Patches [first, first + count) of images [height, width, channels], `patchesY` x `patchesX` an image, the first at
 * (-top, -left): pixels outside the image are 0. v [36][count][channels], its matrices `matrixBytes` apart.
 * A tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class Winograd4InputParams {
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

/** Stores B' times the column d, `s` bytes from element to element. */
// @ts-ignore: decorator
@inline
function spread(o: usize, s: i32, half: v128, near: v128, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const twice1 = f32x4.add(d1, d1), twice2 = f32x4.add(d2, d2), twice3 = f32x4.add(d3, d3)
  const half2 = f32x4.mul(d2, half)
  v128.store(o, f32x4.sub(f32x4.add(d0, d4), f32x4.add(twice2, half2)))
  v128.store(o + 5 * s, f32x4.sub(f32x4.add(d1, d5), madd(d3, half, twice3)))
  const evenNear = f32x4.sub(d4, twice2), oddNear = f32x4.mul(near, f32x4.sub(d3, twice1))
  v128.store(o + s, f32x4.add(evenNear, oddNear))
  v128.store(o + 2 * s, f32x4.sub(evenNear, oddNear))
  // sqrt(2) (d3 - d1 / 2) = sqrt(1/2) (2 d3 - d1)
  const evenFar = f32x4.sub(d4, half2), oddFar = f32x4.mul(near, f32x4.sub(twice3, d1))
  v128.store(o + 3 * s, f32x4.add(evenFar, oddFar))
  v128.store(o + 4 * s, f32x4.sub(evenFar, oddFar))
}

export function winograd_input_4x4_f32(p: Winograd4InputParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const height = p.height
  const width = p.width
  const pixel = p.channels << 2
  const line = width * pixel
  const s = p.matrixBytes
  const half = constant(C.HALF)
  const near = constant(C.ROOT_HALF)
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const number = row / p.patchesY
    const y = ((row - number * p.patchesY) << 2) - p.top
    const x = ((index - row * p.patchesX) << 2) - p.left
    const image = p.x + number * height * line
    // Columns of B' x, of pixels first, then in place times B; rows of pixels outside are read at the nearest one and masked.
    const m0 = maskOf(y, height), m1 = maskOf(y + 1, height), m2 = maskOf(y + 2, height)
    const m3 = maskOf(y + 3, height), m4 = maskOf(y + 4, height), m5 = maskOf(y + 5, height)
    const corner = p.v + patch * pixel
    for (let column = 0; column < 6; column++) {
      const at = x + column
      let v = corner + column * s
      const last = v + pixel
      if (<u32>at >= <u32>width) {
        const zero = i32x4.splat(0)
        for (; v < last; v += 16) spread(v, 6 * s, zero, zero, zero, zero, zero, zero, zero, zero)
        continue
      }
      const top = image + at * pixel
      let r0 = top + clamp(y, height) * line
      let r1 = top + clamp(y + 1, height) * line
      let r2 = top + clamp(y + 2, height) * line
      let r3 = top + clamp(y + 3, height) * line
      let r4 = top + clamp(y + 4, height) * line
      let r5 = top + clamp(y + 5, height) * line
      for (; v < last; v += 16) {
        spread(
          v, 6 * s, half, near, v128.and(v128.load(r0), m0), v128.and(v128.load(r1), m1), v128.and(v128.load(r2), m2),
          v128.and(v128.load(r3), m3), v128.and(v128.load(r4), m4), v128.and(v128.load(r5), m5),
        )
        r0 += 16; r1 += 16; r2 += 16; r3 += 16; r4 += 16; r5 += 16
      }
    }
    for (let i = 0; i < 6; i++) {
      let v = corner + 6 * i * s
      for (const last = v + pixel; v < last; v += 16)
        spread(
          v, s, half, near, v128.load(v), v128.load(v + s), v128.load(v + 2 * s), v128.load(v + 3 * s), v128.load(v + 4 * s),
          v128.load(v + 5 * s),
        )
    }
  }
}

/**
 * The pixels of y [images, height, width, outputs] that patches [first, first + count) give, from their products
 * m [36][count][outputs], `matrixBytes` apart: A' m A + bias (0: none), at least `lower`, then `activation`.
 * A tile is `patches` patches.
 */
// @ts-ignore: decorator
@unmanaged
export class Winograd4OutputParams {
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

/**
 * Stores A' times the column z, `s` bytes from element to element, the first `count`; of a column of sums with `bias`, at
 * least `lower`.
 */
// @ts-ignore: decorator
@inline
function collect(
  o: usize, s: i32, count: i32, half: v128, near: v128, bias: v128, lower: v128, finish: bool,
  z0: v128, z1: v128, z2: v128, z3: v128, z4: v128, z5: v128,
): void {
  const even = f32x4.add(z1, z2), evenFar = f32x4.add(z3, z4)
  const y0 = f32x4.add(z0, f32x4.add(even, evenFar))
  v128.store(o, finish ? f32x4.pmax(f32x4.add(y0, bias), lower) : y0)
  if (finish && count < 2) return
  // The points are sqrt(1/2) and twice that.
  const odd = f32x4.sub(z1, z2), oddFar = f32x4.sub(z3, z4)
  const twice = f32x4.add(oddFar, oddFar)
  const y1 = f32x4.mul(near, f32x4.add(odd, twice))
  v128.store(o + s, finish ? f32x4.pmax(f32x4.add(y1, bias), lower) : y1)
  if (finish && count < 3) return
  const y2 = madd(even, half, f32x4.add(evenFar, evenFar))
  v128.store(o + 2 * s, finish ? f32x4.pmax(f32x4.add(y2, bias), lower) : y2)
  if (finish && count < 4) return
  const y3 = madd(near, madd(odd, half, f32x4.add(twice, twice)), z5)
  v128.store(o + 3 * s, finish ? f32x4.pmax(f32x4.add(y3, bias), lower) : y3)
}

export function winograd_output_4x4_f32(p: Winograd4OutputParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const outputs = p.outputs
  const pixel = outputs << 2
  const line = p.width * pixel
  const s = p.matrixBytes
  const lower = f32x4.splat(p.lower)
  const zero = f32x4.splat(0)
  const half = constant(C.HALF)
  const near = constant(C.ROOT_HALF)
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const image = row / p.patchesY
    const y = (row - image * p.patchesY) << 2
    const x = (index - row * p.patchesX) << 2
    const columns = min(4, p.width - x)
    const rows = min(4, p.height - y)
    const corner = p.y + (image * p.height + y) * line + x * pixel
    const products = p.m + patch * pixel
    for (let column = 0; column < 6; column++) {
      let m = products + column * s
      for (const last = m + pixel; m < last; m += 16)
        collect(
          m, 6 * s, 4, half, near, zero, zero, false, v128.load(m), v128.load(m + 6 * s), v128.load(m + 12 * s),
          v128.load(m + 18 * s), v128.load(m + 24 * s), v128.load(m + 30 * s),
        )
    }
    for (let i = 0; i < rows; i++) {
      let m = products + 6 * i * s
      for (let c = 0; c < pixel; c += 16, m += 16)
        collect(
          corner + i * line + c, pixel, columns, half, near, p.bias == 0 ? zero : v128.load(p.bias + c), lower, true,
          v128.load(m), v128.load(m + s), v128.load(m + 2 * s), v128.load(m + 3 * s), v128.load(m + 4 * s), v128.load(m + 5 * s),
        )
      if (p.activation != 0) activate(p.activation, corner + i * line, columns * outputs, p.alpha, p.beta)
    }
  }
}
