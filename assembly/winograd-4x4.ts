// Convolution of 3 x 3 taps, stride 1, by F(4x4, 3x3) of Winograd: a patch of 6 x 6 pixels of x gives 4 x 4 pixels of y,
// with 36 products a channel and output instead of 144. The points of interpolation are 0, +-sqrt(1/2), +-sqrt(2) and
// infinity, whose error is smaller than that of 0, +-1, +-2. Channels and outputs are multiples of 4.

import { activate } from './activation'
import { madd } from './simd'
import { clamp, maskOf } from './winograd'

// @ts-ignore: decorator
@inline
export const NEAR: f32 = 0.70710678118654752440
// @ts-ignore: decorator
@inline
export const FAR: f32 = 1.41421356237309504880

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

/** `value` where `at` is a place among `size`, else 0. */
// @ts-ignore: decorator
@inline
function factor(at: i32, size: i32, value: f32): v128 {
  return f32x4.splat(<u32>at < <u32>size ? value : 0)
}

/** Stores a row d of B' d times B, columns `s` bytes apart. */
function spreadColumns(o: usize, s: i32, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const five = f32x4.splat(2.5)
  const two = f32x4.splat(2)
  const half = f32x4.splat(0.5)
  v128.store(o, f32x4.add(f32x4.sub(d4, f32x4.mul(five, d2)), d0))
  const evenNear = f32x4.sub(d4, f32x4.mul(two, d2))
  const oddNear = f32x4.mul(f32x4.splat(NEAR), f32x4.sub(d3, f32x4.mul(two, d1)))
  v128.store(o + s, f32x4.add(evenNear, oddNear))
  v128.store(o + 2 * s, f32x4.sub(evenNear, oddNear))
  const evenFar = f32x4.sub(d4, f32x4.mul(half, d2))
  const oddFar = f32x4.mul(f32x4.splat(FAR), f32x4.sub(d3, f32x4.mul(half, d1)))
  v128.store(o + 3 * s, f32x4.add(evenFar, oddFar))
  v128.store(o + 4 * s, f32x4.sub(evenFar, oddFar))
  v128.store(o + 5 * s, f32x4.add(f32x4.sub(d5, f32x4.mul(five, d3)), d1))
}

export function winograd_input_4x4_f32(p: Winograd4InputParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.patches, p.count)
  const height = p.height
  const width = p.width
  const pixel = p.channels << 2
  const line = width * pixel
  const s = p.matrixBytes
  for (let patch = tile * p.patches; patch < end; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const number = row / p.patchesY
    const y = ((row - number * p.patchesY) << 2) - p.top
    const x = ((index - row * p.patchesX) << 2) - p.left
    const image = p.x + number * height * line
    // Pixels outside are read at the nearest one: rows of them have the factor 0, columns the mask 0.
    let r0 = image + clamp(y, height) * line
    let r1 = image + clamp(y + 1, height) * line
    let r2 = image + clamp(y + 2, height) * line
    let r3 = image + clamp(y + 3, height) * line
    let r4 = image + clamp(y + 4, height) * line
    let r5 = image + clamp(y + 5, height) * line
    const o0 = clamp(x, width) * pixel
    const o1 = clamp(x + 1, width) * pixel
    const o2 = clamp(x + 2, width) * pixel
    const o3 = clamp(x + 3, width) * pixel
    const o4 = clamp(x + 4, width) * pixel
    const o5 = clamp(x + 5, width) * pixel
    const m0 = maskOf(x, width), m1 = maskOf(x + 1, width), m2 = maskOf(x + 2, width)
    const m3 = maskOf(x + 3, width), m4 = maskOf(x + 4, width), m5 = maskOf(x + 5, width)
    const f0 = factor(y, height, 1), f1 = factor(y + 1, height, 1)
    const f4 = factor(y + 4, height, 1), f5 = factor(y + 5, height, 1)
    const five2 = factor(y + 2, height, -2.5), five3 = factor(y + 3, height, -2.5)
    const two2 = factor(y + 2, height, -2), half2 = factor(y + 2, height, -0.5)
    const near3 = factor(y + 3, height, NEAR), near1 = factor(y + 1, height, -2 * NEAR)
    const far3 = factor(y + 3, height, FAR), far1 = factor(y + 1, height, -0.5 * FAR)
    let v = p.v + patch * pixel
    for (let c = 0; c < pixel; c += 16) {
      edge(r0, r2, r4, o0, o1, o2, o3, o4, o5, m0, m1, m2, m3, m4, m5, f0, five2, f4, v, s)
      pair(r1, r2, r3, r4, o0, o1, o2, o3, o4, o5, m0, m1, m2, m3, m4, m5, near1, two2, near3, f4, v + 6 * s, s)
      pair(r1, r2, r3, r4, o0, o1, o2, o3, o4, o5, m0, m1, m2, m3, m4, m5, far1, half2, far3, f4, v + 18 * s, s)
      edge(r1, r3, r5, o0, o1, o2, o3, o4, o5, m0, m1, m2, m3, m4, m5, f1, five3, f5, v + 30 * s, s)
      r0 += 16; r1 += 16; r2 += 16; r3 += 16; r4 += 16; r5 += 16
      v += 16
    }
  }
}

// @ts-ignore: decorator
@inline
function sum3(a: usize, fa: v128, b: usize, fb: v128, c: usize, fc: v128): v128 {
  return madd(v128.load(c), fc, madd(v128.load(b), fb, f32x4.mul(v128.load(a), fa)))
}

/** The row of B' d B of the point 0 or infinity, from three pixel rows. */
function edge(
  a: usize, b: usize, c: usize, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, o5: i32,
  m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, fa: v128, fb: v128, fc: v128, v: usize, s: i32,
): void {
  spreadColumns(
    v, s,
    v128.and(m0, sum3(a + o0, fa, b + o0, fb, c + o0, fc)), v128.and(m1, sum3(a + o1, fa, b + o1, fb, c + o1, fc)),
    v128.and(m2, sum3(a + o2, fa, b + o2, fb, c + o2, fc)), v128.and(m3, sum3(a + o3, fa, b + o3, fb, c + o3, fc)),
    v128.and(m4, sum3(a + o4, fa, b + o4, fb, c + o4, fc)), v128.and(m5, sum3(a + o5, fa, b + o5, fb, c + o5, fc)),
  )
}

// @ts-ignore: decorator
@inline
function sum2(a: usize, fa: v128, b: usize, fb: v128): v128 {
  return madd(v128.load(b), fb, f32x4.mul(v128.load(a), fa))
}

/** The rows of B' d B of a point and its negative: the even part, from pixel rows 2 and 4, plus and minus the odd one. */
function pair(
  r1: usize, r2: usize, r3: usize, r4: usize, o0: i32, o1: i32, o2: i32, o3: i32, o4: i32, o5: i32,
  m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, f1: v128, f2: v128, f3: v128, f4: v128, v: usize, s: i32,
): void {
  const e0 = v128.and(m0, sum2(r2 + o0, f2, r4 + o0, f4)), d0 = v128.and(m0, sum2(r1 + o0, f1, r3 + o0, f3))
  const e1 = v128.and(m1, sum2(r2 + o1, f2, r4 + o1, f4)), d1 = v128.and(m1, sum2(r1 + o1, f1, r3 + o1, f3))
  const e2 = v128.and(m2, sum2(r2 + o2, f2, r4 + o2, f4)), d2 = v128.and(m2, sum2(r1 + o2, f1, r3 + o2, f3))
  const e3 = v128.and(m3, sum2(r2 + o3, f2, r4 + o3, f4)), d3 = v128.and(m3, sum2(r1 + o3, f1, r3 + o3, f3))
  const e4 = v128.and(m4, sum2(r2 + o4, f2, r4 + o4, f4)), d4 = v128.and(m4, sum2(r1 + o4, f1, r3 + o4, f3))
  const e5 = v128.and(m5, sum2(r2 + o5, f2, r4 + o5, f4)), d5 = v128.and(m5, sum2(r1 + o5, f1, r3 + o5, f3))
  spreadColumns(
    v, s, f32x4.add(e0, d0), f32x4.add(e1, d1), f32x4.add(e2, d2), f32x4.add(e3, d3), f32x4.add(e4, d4), f32x4.add(e5, d5),
  )
  spreadColumns(
    v + 6 * s, s, f32x4.sub(e0, d0), f32x4.sub(e1, d1), f32x4.sub(e2, d2), f32x4.sub(e3, d3), f32x4.sub(e4, d4), f32x4.sub(e5, d5),
  )
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

// @ts-ignore: decorator
@inline
function plus(m: usize, a: i32, b: i32): v128 {
  return f32x4.add(v128.load(m + a), v128.load(m + b))
}

// @ts-ignore: decorator
@inline
function minus(m: usize, a: i32, b: i32): v128 {
  return f32x4.sub(v128.load(m + a), v128.load(m + b))
}

/** Stores the first `columns` of the four pixels that a row of A' m gives, times A. */
function putRow(to: usize, pixel: i32, columns: i32, bias: v128, lower: v128, z0: v128, z1: v128, z2: v128, z3: v128, z4: v128, z5: v128): void {
  const near = f32x4.add(z1, z2)
  const far = f32x4.add(z3, z4)
  v128.store(to, f32x4.pmax(f32x4.add(f32x4.add(f32x4.add(z0, near), far), bias), lower))
  const nearOdd = f32x4.sub(z1, z2)
  const farOdd = f32x4.sub(z3, z4)
  if (columns > 1) v128.store(to + pixel, f32x4.pmax(madd(nearOdd, f32x4.splat(NEAR), madd(farOdd, f32x4.splat(FAR), bias)), lower))
  if (columns > 2) v128.store(to + 2 * pixel, f32x4.pmax(madd(near, f32x4.splat(0.5), madd(far, f32x4.splat(2), bias)), lower))
  if (columns > 3)
    v128.store(
      to + 3 * pixel,
      f32x4.pmax(madd(nearOdd, f32x4.splat(0.5 * NEAR), madd(farOdd, f32x4.splat(2 * FAR), f32x4.add(z5, bias))), lower),
    )
}

export function winograd_output_4x4_f32(p: Winograd4OutputParams, tile: i32, thread: i32): void {
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
    const y = (row - image * p.patchesY) << 2
    const x = (index - row * p.patchesX) << 2
    const columns = min(4, p.width - x)
    const rows = min(4, p.height - y)
    const corner = p.y + (image * p.height + y) * line + x * pixel
    const m = p.m + patch * pixel
    for (let c = 0; c < pixel; c += 16) {
      const bias = p.bias == 0 ? f32x4.splat(0) : v128.load(p.bias + c)
      evenRows(m + c, s, corner + c, line, pixel, rows, columns, bias, lower)
      if (rows > 1) oddRows(m + c, s, corner + c + line, line, pixel, rows, columns, bias, lower)
    }
    if (p.activation != 0)
      for (let i = 0; i < rows; i++) activate(p.activation, corner + i * line, columns * outputs, p.alpha, p.beta)
  }
}

/** Rows 0 and 2 of y. */
function evenRows(m: usize, s: i32, to: usize, line: i32, pixel: i32, rows: i32, columns: i32, bias: v128, lower: v128): void {
  const r = 6 * s
  const half = f32x4.splat(0.5)
  const two = f32x4.splat(2)
  const n0 = plus(m, r, 2 * r), g0 = plus(m, 3 * r, 4 * r)
  const n1 = plus(m + s, r, 2 * r), g1 = plus(m + s, 3 * r, 4 * r)
  const n2 = plus(m + 2 * s, r, 2 * r), g2 = plus(m + 2 * s, 3 * r, 4 * r)
  const n3 = plus(m + 3 * s, r, 2 * r), g3 = plus(m + 3 * s, 3 * r, 4 * r)
  const n4 = plus(m + 4 * s, r, 2 * r), g4 = plus(m + 4 * s, 3 * r, 4 * r)
  const n5 = plus(m + 5 * s, r, 2 * r), g5 = plus(m + 5 * s, 3 * r, 4 * r)
  putRow(
    to, pixel, columns, bias, lower,
    f32x4.add(v128.load(m), f32x4.add(n0, g0)), f32x4.add(v128.load(m + s), f32x4.add(n1, g1)),
    f32x4.add(v128.load(m + 2 * s), f32x4.add(n2, g2)), f32x4.add(v128.load(m + 3 * s), f32x4.add(n3, g3)),
    f32x4.add(v128.load(m + 4 * s), f32x4.add(n4, g4)), f32x4.add(v128.load(m + 5 * s), f32x4.add(n5, g5)),
  )
  if (rows > 2)
    putRow(
      to + 2 * line, pixel, columns, bias, lower,
      madd(n0, half, f32x4.mul(g0, two)), madd(n1, half, f32x4.mul(g1, two)), madd(n2, half, f32x4.mul(g2, two)),
      madd(n3, half, f32x4.mul(g3, two)), madd(n4, half, f32x4.mul(g4, two)), madd(n5, half, f32x4.mul(g5, two)),
    )
}

/** Rows 1 and 3 of y, row 1 at `to`. */
function oddRows(m: usize, s: i32, to: usize, line: i32, pixel: i32, rows: i32, columns: i32, bias: v128, lower: v128): void {
  const r = 6 * s
  const near = f32x4.splat(NEAR)
  const far = f32x4.splat(FAR)
  const n0 = minus(m, r, 2 * r), g0 = minus(m, 3 * r, 4 * r)
  const n1 = minus(m + s, r, 2 * r), g1 = minus(m + s, 3 * r, 4 * r)
  const n2 = minus(m + 2 * s, r, 2 * r), g2 = minus(m + 2 * s, 3 * r, 4 * r)
  const n3 = minus(m + 3 * s, r, 2 * r), g3 = minus(m + 3 * s, 3 * r, 4 * r)
  const n4 = minus(m + 4 * s, r, 2 * r), g4 = minus(m + 4 * s, 3 * r, 4 * r)
  const n5 = minus(m + 5 * s, r, 2 * r), g5 = minus(m + 5 * s, 3 * r, 4 * r)
  putRow(
    to, pixel, columns, bias, lower,
    madd(n0, near, f32x4.mul(g0, far)), madd(n1, near, f32x4.mul(g1, far)), madd(n2, near, f32x4.mul(g2, far)),
    madd(n3, near, f32x4.mul(g3, far)), madd(n4, near, f32x4.mul(g4, far)), madd(n5, near, f32x4.mul(g5, far)),
  )
  if (rows > 3) {
    const nearCube = f32x4.splat(0.5 * NEAR)
    const farCube = f32x4.splat(2 * FAR)
    const last = m + 5 * r
    putRow(
      to + 2 * line, pixel, columns, bias, lower,
      f32x4.add(v128.load(last), madd(n0, nearCube, f32x4.mul(g0, farCube))), f32x4.add(v128.load(last + s), madd(n1, nearCube, f32x4.mul(g1, farCube))),
      f32x4.add(v128.load(last + 2 * s), madd(n2, nearCube, f32x4.mul(g2, farCube))), f32x4.add(v128.load(last + 3 * s), madd(n3, nearCube, f32x4.mul(g3, farCube))),
      f32x4.add(v128.load(last + 4 * s), madd(n4, nearCube, f32x4.mul(g4, farCube))), f32x4.add(v128.load(last + 5 * s), madd(n5, nearCube, f32x4.mul(g5, farCube))),
    )
  }
}
