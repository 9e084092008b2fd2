// The gradient by the weights of a convolution whose output goes into a max-pool only, and that passes no gradient on to its
// own input. Each gradient dy of the pool belongs to one pixel of the convolution, whose patch of x is added dy times: a sum
// over the maxima, not over all pixels of which most have none.

import { madd } from '../simd'

/**
 * x: framed images; a [images, .., convW, outputs]: the convolution's output; y and dy [images, outH, outW, outputs]: the pool's,
 * whose windows of poolH x poolW lie side by side. dw [depth][outputs], depth being kernelY runs of `run` floats of a row of x,
 * tapRowStride apart. Strides in bytes: of x from image to image, from pixel to pixel of a, and patchBytes from patch to patch.
 * A block is blockRows rows of dy of one image. Tiles: `chunkBlocks` blocks, each tile with a dw of its own, `partBytes` apart.
 * A tile works in its thread's memory, scratchBytes after that of the thread before: sums [outputs], sumBytes each, at `sums`;
 * where each maximum's patch lies, placeBytes for all outputs, at `places`; patches. `given`, unless 0, is y-shaped: the place
 * of each maximum in its window, so that a and y are not read, and how far on the patch of each place lies is at `windows`.
 */
// @ts-ignore: decorator
@unmanaged
export class PooledWeightGradientParams {
  x: usize
  a: usize
  y: usize
  given: usize
  dy: usize
  dw: usize
  images: i32
  convH: i32
  convW: i32
  outH: i32
  outW: i32
  outputs: i32
  poolH: i32
  poolW: i32
  imageStride: i32
  rowStride: i32
  pixelStride: i32
  kernelY: i32
  tapRowStride: i32
  run: i32
  depth: i32
  patchBytes: i32
  blockRows: i32
  chunkBlocks: i32
  partBytes: i32
  sums: usize
  places: usize
  patches: usize
  windows: usize
  sumBytes: i32
  placeBytes: i32
  scratchBytes: i32
}

export function pooled_weight_gradient_f32(p: PooledWeightGradientParams, tile: i32, thread: i32): void {
  const shift = <usize>thread * p.scratchBytes
  const sums = p.sums + shift
  const places = p.places + shift
  const patches = p.patches + shift
  const outputs = p.outputs
  const pixel = outputs << 2
  const perImage = (p.outH + p.blockRows - 1) / p.blockRows
  const last = min((tile + 1) * p.chunkBlocks, p.images * perImage)
  memory.fill(sums, 0, outputs * p.sumBytes)
  for (let block = tile * p.chunkBlocks; block < last; block++) {
    const image = block / perImage
    const first = block % perImage * p.blockRows
    const rows = min(p.blockRows, p.outH - first)
    const row = <usize>(image * p.outH + first) * p.outW * pixel
    writePatches(p, p.x + image * p.imageStride + first * p.poolH * p.rowStride, patches, rows)
    const a = p.a + <usize>(image * p.convH + first * p.poolH) * p.convW * pixel
    if (p.given != 0) takePlaces(p, p.given + row, places, patches, p.windows + shift, rows)
    else findPlaces(p, a, p.y + row, places, patches, rows)
    for (let output = 0; output < outputs; output++) {
      const place = places + (<usize>output << 2)
      const dy = p.dy + row + (<usize>output << 2)
      let sum = sums + output * p.sumBytes
      const end = sum + (<usize>p.depth << 2)
      for (let skipped: usize = 0; sum < end; ) {
        const isWide = end - sum > 48
        if (isWide) addWide(p, place, dy, rows * p.outW, skipped, sum)
        else addNarrow(p, place, dy, rows * p.outW, skipped, sum)
        skipped += isWide ? 112 : 48
        sum += isWide ? 112 : 48
      }
    }
  }
  const dw = p.dw + tile * p.partBytes
  for (let output = 0; output < outputs; output++) {
    const sum = sums + output * p.sumBytes
    let at = dw + (<usize>output << 2)
    for (let tap = 0; tap < p.depth; tap++, at += pixel) store<f32>(at, load<f32>(sum + (<usize>tap << 2)))
  }
}

/** The patches of all pixels of `rows` rows of windows, the first of which begins at x; what a copy writes too much the next one covers. */
function writePatches(p: PooledWeightGradientParams, x: usize, to: usize, rows: i32): void {
  const runBytes = <usize>p.run << 2
  const isShort = runBytes > 16 && runBytes <= 32
  const tapRowStride = p.tapRowStride
  const width = p.outW * p.poolW
  for (let row = rows * p.poolH; row > 0; row--, x += p.rowStride) {
    let pixel = x
    for (let column = width; column > 0; column--, pixel += p.pixelStride, to += p.patchBytes) {
      let from = pixel
      let target = to
      for (let tap = p.kernelY; tap > 0; tap--, from += tapRowStride, target += runBytes) {
        if (isShort) {
          v128.store(target, v128.load(from))
          v128.store(target, v128.load(from, 16), 16)
        } else for (let k: usize = 0; k < runBytes; k += 16) v128.store(target + k, v128.load(from + k))
      }
    }
  }
}

/** The address of the patch of the first maximum of each window, in row-major order; a NaN is a maximum. */
function findPlaces(p: PooledWeightGradientParams, a: usize, y: usize, places: usize, patches: usize, rows: i32): void {
  const poolH = p.poolH, poolW = p.poolW
  const pixel = p.outputs << 2
  const patchBytes = p.patchBytes
  const line = p.convW * pixel
  const patchLine = p.outW * poolW * patchBytes
  const lastCorner = (poolH - 1) * line + (poolW - 1) * pixel
  const lastPatch = (poolH - 1) * patchLine + (poolW - 1) * patchBytes
  const lineSkip = line - poolW * pixel
  const patchSkip = patchLine - poolW * patchBytes
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < p.outW; column++, y += pixel, places += p.placeBytes) {
      const corner = a + row * poolH * line + column * poolW * pixel
      const patch = <i32>patches + row * poolH * patchLine + column * poolW * patchBytes
      for (let i = 0; i < pixel; i += 16) {
        const most = v128.load(y + i)
        let place = i32x4.splat(patch)
        let at = corner + lastCorner + i
        let to = patch + lastPatch
        for (let ky = poolH; ky > 0; ky--, at -= lineSkip, to -= patchSkip)
          for (let kx = poolW; kx > 0; kx--, at -= pixel, to -= patchBytes) {
            const value = v128.load(at)
            const hit = v128.or(f32x4.eq(value, most), f32x4.ne(value, value))
            place = v128.bitselect(i32x4.splat(to), place, hit)
          }
        v128.store(places + i, place)
      }
    }
}

/** The same from the places that are given. */
function takePlaces(p: PooledWeightGradientParams, given: usize, places: usize, patches: usize, windows: usize, rows: i32): void {
  const poolH = p.poolH, poolW = p.poolW
  const outputs = p.outputs
  const patchBytes = p.patchBytes
  const patchLine = p.outW * poolW * patchBytes
  const count = poolH * poolW
  for (let place = 0; place < count; place++)
    store<i32>(windows + (<usize>place << 2), place / poolW * patchLine + place % poolW * patchBytes)
  for (let row = 0; row < rows; row++, patches += poolH * patchLine) {
    let patch = patches
    for (let column = p.outW; column > 0; column--, patch += poolW * patchBytes, places += p.placeBytes)
      for (let i: usize = 0, end = <usize>outputs << 2; i < end; i += 4, given += 4) {
        store<usize>(places + i, patch + load<usize>(windows + (load<usize>(given) << 2)))
      }
  }
}

/** Adds dy times the floats at `skipped` of their patches, of `count` windows, to 28 sums. */
function addWide(p: PooledWeightGradientParams, place: usize, dy: usize, count: i32, skipped: usize, sum: usize): void {
  const placeBytes = p.placeBytes
  const pixel = p.outputs << 2
  let s0 = v128.load(sum), s1 = v128.load(sum, 16), s2 = v128.load(sum, 32), s3 = v128.load(sum, 48)
  let s4 = v128.load(sum, 64), s5 = v128.load(sum, 80), s6 = v128.load(sum, 96)
  for (; count > 0; count--) {
    const patch = load<usize>(place) + skipped
    const d = v128.load32_splat(dy)
    place += placeBytes
    dy += pixel
    s0 = madd(v128.load(patch), d, s0)
    s1 = madd(v128.load(patch, 16), d, s1)
    s2 = madd(v128.load(patch, 32), d, s2)
    s3 = madd(v128.load(patch, 48), d, s3)
    s4 = madd(v128.load(patch, 64), d, s4)
    s5 = madd(v128.load(patch, 80), d, s5)
    s6 = madd(v128.load(patch, 96), d, s6)
  }
  v128.store(sum, s0)
  v128.store(sum, s1, 16)
  v128.store(sum, s2, 32)
  v128.store(sum, s3, 48)
  v128.store(sum, s4, 64)
  v128.store(sum, s5, 80)
  v128.store(sum, s6, 96)
}

/** The same, to 12 sums. */
function addNarrow(p: PooledWeightGradientParams, place: usize, dy: usize, count: i32, skipped: usize, sum: usize): void {
  const placeBytes = p.placeBytes
  const pixel = p.outputs << 2
  let s0 = v128.load(sum), s1 = v128.load(sum, 16), s2 = v128.load(sum, 32)
  for (; count > 0; count--) {
    const patch = load<usize>(place) + skipped
    const d = v128.load32_splat(dy)
    place += placeBytes
    dy += pixel
    s0 = madd(v128.load(patch), d, s0)
    s1 = madd(v128.load(patch, 16), d, s1)
    s2 = madd(v128.load(patch, 32), d, s2)
  }
  v128.store(sum, s0)
  v128.store(sum, s1, 16)
  v128.store(sum, s2, 32)
}
