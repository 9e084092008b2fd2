// The gradient by the weights of a convolution that winograd-4x4.ts computes. There y = A'[(G w G') . (B' x B)]A, so
// dw = G'[sum over patches of (A dy A') . (B' x B)]G: 36 products for 16 pixels of dy instead of 144.

import { C, constant } from '../constants'
import { columns_f32, winograd_input_4x4_f32 } from '../core'
import { tileHeight } from '../register-tiles'
import { madd } from '../simd'
import { Walk } from '../walk'
import { clamp, maskOf } from '../winograd'
import { Winograd4InputParams } from '../winograd-4x4'

/**
 * x as in Winograd4InputParams, dy [images, outHeight, outWidth, outputs], dw [3][3][channels][outputs]. The leading fields
 * are a Walk. Tiles: chunk of `chunkPatches` patches, each with a dw of its own, `partBytes` apart; then `blockOutputs`
 * outputs. A tile works in its thread's memory, scratchBytes after that of the thread before: a copy of the parameters, sums
 * [36][channels][blockOutputs] at `sums`, patches of dy [36][patches][blockOutputs] at `z`; those of x lie at `v`.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradWeightGradientParams {
  ldb: i32
  panelStride: i32
  ldc: i32
  outer: i32
  outerStride: i32
  inner: i32
  innerStride: i32
  run: i32
  lower: f32
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
  dy: usize
  dw: usize
  z: usize
  sums: usize
  outHeight: i32
  outWidth: i32
  outputs: i32
  blockOutputs: i32
  total: i32
  chunkPatches: i32
  partBytes: i32
  scratch: usize
  scratchBytes: i32
}

export function winograd_weight_gradient_f32(p: WinogradWeightGradientParams, tile: i32, thread: i32): void {
  const shift = <usize>thread * p.scratchBytes
  const own = p.scratch + shift
  memory.copy(own, changetype<usize>(p), offsetof<WinogradWeightGradientParams>())
  p = changetype<WinogradWeightGradientParams>(own)
  p.v += shift
  p.z += shift
  p.sums += shift
  const walk = changetype<Walk>(own)
  const input = changetype<Winograd4InputParams>(own + offsetof<WinogradWeightGradientParams>('x'))
  const blocks = (p.outputs + p.blockOutputs - 1) / p.blockOutputs
  const firstOutput = tile % blocks * p.blockOutputs
  const outputs = min(p.blockOutputs, p.outputs - firstOutput)
  const chunk = tile / blocks
  const last = min((chunk + 1) * p.chunkPatches, p.total)
  p.ldb = p.ldc = outputs << 2
  const zBytes = p.patches * p.ldb
  const sumBytes = p.channels * p.ldc
  memory.fill(p.sums, 0, 36 * sumBytes)
  for (let first = chunk * p.chunkPatches; first < last; first += p.patches) {
    p.first = first
    p.count = min(p.patches, last - first)
    p.run = p.count
    winograd_input_4x4_f32(input, 0, thread)
    spreadGradient(p, firstOutput, outputs, zBytes)
    for (let matrix = 0; matrix < 36; matrix++) {
      const v = p.v + matrix * p.matrixBytes
      const z = p.z + matrix * zBytes
      const sums = p.sums + matrix * sumBytes
      for (let m = 0, rows = 0; m < p.channels; m += rows) {
        rows = tileHeight(p.channels - m)
        const c = sums + m * p.ldc
        columns_f32(walk, rows, v + (<usize>m << 2), p.channels << 2, z, c, c, p.ldc, outputs, 1)
      }
    }
  }
  gatherWeights(p, p.dw + chunk * p.partBytes + (<usize>firstOutput << 2), outputs, sumBytes)
}

/** Stores A times the column d, `s` bytes from element to element. */
// @ts-ignore: decorator
@inline
function spread(o: usize, s: i32, half: v128, near: v128, d0: v128, d1: v128, d2: v128, d3: v128): void {
  v128.store(o, d0)
  v128.store(o + 5 * s, d3)
  const even = madd(d2, half, d0), odd = f32x4.mul(madd(d3, half, d1), near)
  v128.store(o + s, f32x4.add(even, odd))
  v128.store(o + 2 * s, f32x4.sub(even, odd))
  // sqrt(2) (d1 + 2 d3) = sqrt(1/2) (2 d1 + 4 d3)
  const twice = f32x4.add(d3, d3)
  const sum = f32x4.add(d1, twice)
  const far = f32x4.add(d0, f32x4.add(d2, d2)), oddFar = f32x4.mul(near, f32x4.add(sum, sum))
  v128.store(o + 3 * s, f32x4.add(far, oddFar))
  v128.store(o + 4 * s, f32x4.sub(far, oddFar))
}

/** z = A dy A' of the patches at hand, `s` bytes from matrix to matrix; pixels outside of the image are 0. */
function spreadGradient(p: WinogradWeightGradientParams, firstOutput: i32, outputs: i32, s: i32): void {
  const half = constant(C.HALF)
  const near = constant(C.ROOT_HALF)
  const zero = i32x4.splat(0)
  const height = p.outHeight
  const pixel = p.outputs << 2
  const line = p.outWidth * pixel
  const bytes = outputs << 2
  for (let patch = 0; patch < p.count; patch++) {
    const index = p.first + patch
    const row = index / p.patchesX
    const image = row / p.patchesY
    const y = (row - image * p.patchesY) << 2
    const x = (index - row * p.patchesX) << 2
    const top = p.dy + (image * height + y) * line + x * pixel + (<usize>firstOutput << 2)
    const m1 = maskOf(y + 1, height), m2 = maskOf(y + 2, height), m3 = maskOf(y + 3, height)
    const corner = p.z + patch * bytes
    // Columns of A dy, then in place times A'.
    for (let column = 0; column < 4; column++) {
      let z = corner + column * s
      const last = z + bytes
      if (x + column >= p.outWidth) {
        for (; z < last; z += 16) spread(z, 6 * s, zero, zero, zero, zero, zero, zero)
        continue
      }
      let r0 = top + column * pixel
      let r1 = r0 + (clamp(y + 1, height) - y) * line
      let r2 = r0 + (clamp(y + 2, height) - y) * line
      let r3 = r0 + (clamp(y + 3, height) - y) * line
      for (; z < last; z += 16) {
        spread(
          z, 6 * s, half, near, v128.load(r0), v128.and(v128.load(r1), m1), v128.and(v128.load(r2), m2), v128.and(v128.load(r3), m3),
        )
        r0 += 16; r1 += 16; r2 += 16; r3 += 16
      }
    }
    for (let i = 0; i < 6; i++) {
      let z = corner + 6 * i * s
      for (const last = z + bytes; z < last; z += 16)
        spread(z, s, half, near, v128.load(z), v128.load(z + s), v128.load(z + 2 * s), v128.load(z + 3 * s))
    }
  }
}

/** Stores G' times the column of six at `u`, `s` bytes from element to element, at `o`, `to` bytes apart. */
// @ts-ignore: decorator
@inline
function gather(u: usize, s: i32, o: usize, to: i32, half: v128, near: v128): void {
  const minusThird = f32x4.splat(-1.0 / 3.0)
  const u1 = v128.load(u + s), u2 = v128.load(u + 2 * s), u3 = v128.load(u + 3 * s), u4 = v128.load(u + 4 * s)
  const start = v128.load(u), end = v128.load(u + 5 * s)
  // G's rows are powers of the points over -3/2 (near) and 6 (far): all are multiples of a third.
  const evenNear = f32x4.mul(f32x4.add(u1, u2), minusThird), oddNear = f32x4.mul(f32x4.sub(u1, u2), minusThird)
  const evenFar = f32x4.mul(f32x4.mul(f32x4.add(u3, u4), minusThird), half)
  const oddFar = f32x4.mul(f32x4.mul(f32x4.sub(u3, u4), minusThird), half)
  v128.store(o, f32x4.add(start, f32x4.sub(f32x4.add(evenNear, evenNear), evenFar)))
  v128.store(o + to, f32x4.mul(near, f32x4.sub(f32x4.add(oddNear, oddNear), f32x4.add(oddFar, oddFar))))
  v128.store(o + 2 * to, f32x4.add(end, f32x4.sub(evenNear, f32x4.add(evenFar, evenFar))))
}

/** dw = G' sums G for all channels and `outputs` outputs; overwrites the sums. */
function gatherWeights(p: WinogradWeightGradientParams, dw: usize, outputs: i32, s: i32): void {
  const half = constant(C.HALF)
  const near = constant(C.ROOT_HALF)
  const tap = p.channels * p.outputs << 2
  for (let channel = 0; channel < p.channels; channel++) {
    for (let o = 0; o < outputs << 2; o += 16) {
      const u = p.sums + channel * p.ldc + o
      for (let column = 0; column < 6; column++) gather(u + column * s, 6 * s, u + column * s, 6 * s, half, near)
      for (let row = 0; row < 3; row++) gather(u + 6 * row * s, s, dw + 3 * row * tap + o, tap, half, near)
    }
    dw += p.outputs << 2
  }
}
