// The gradient by the weights of a convolution whose output goes into a max-pool only, and that passes no gradient on to its
// own input. Each gradient dy of the pool belongs to one pixel of the convolution, whose patch of x is added dy times: a sum
// over the maxima, not over all pixels of which most have none.

import { madd } from '../simd'

/**
 * x: framed images; dy and places [images, outH, outW, outputs]: the gradient of the pool's result, and the index in row-major
 * order of each maximum in its window of poolH x poolW, which lie side by side. dw [depth][outputs], depth being kernelY runs of `run`
 * floats of a row of x, tapRowStride bytes apart. Strides in bytes: of x from image to image, from row to row and from pixel to
 * pixel of the convolution, and patchBytes from patch to patch.
 * A block is blockRows rows of dy of one image. Tiles: `chunkBlocks` blocks, each tile with a dw of its own, `partBytes` apart.
 * A tile works in its thread's memory, scratchBytes after that of the thread before: sums [outputs], sumBytes each, at `sums`;
 * the addresses of the maxima's patches, foundBytes for all outputs, at `found`; patches; at `windows`, how far on the patch of
 * each place in a window is.
 */
// @ts-ignore: decorator
@unmanaged
export class PooledWeightGradientParams {
  x: usize
  dy: usize
  places: usize
  dw: usize
  images: i32
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
  found: usize
  patches: usize
  windows: usize
  sumBytes: i32
  foundBytes: i32
  scratchBytes: i32
}

export function pooled_weight_gradient_f32(p: PooledWeightGradientParams, tile: i32, thread: i32): void {
  const shift = <usize>thread * p.scratchBytes
  const sums = p.sums + shift
  const found = p.found + shift
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
    findPatches(p, p.places + row, found, patches, p.windows + shift, rows)
    for (let output = 0; output < outputs; output++) {
      const place = found + (<usize>output << 2)
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

/** The address of each maximum's patch. */
function findPatches(p: PooledWeightGradientParams, given: usize, found: usize, patches: usize, windows: usize, rows: i32): void {
  const poolH = p.poolH, poolW = p.poolW
  const outputs = p.outputs
  const patchBytes = p.patchBytes
  const patchLine = p.outW * poolW * patchBytes
  const count = poolH * poolW
  for (let place = 0; place < count; place++)
    store<i32>(windows + (<usize>place << 2), place / poolW * patchLine + place % poolW * patchBytes)
  for (let row = 0; row < rows; row++, patches += poolH * patchLine) {
    let patch = patches
    for (let column = p.outW; column > 0; column--, patch += poolW * patchBytes, found += p.foundBytes)
      for (let i: usize = 0, end = <usize>outputs << 2; i < end; i += 4, given += 4) {
        store<usize>(found + i, patch + load<usize>(windows + (load<usize>(given) << 2)))
      }
  }
}

/** Adds dy times the floats at `skipped` of their patches, of `count` windows, to 28 sums. */
function addWide(p: PooledWeightGradientParams, place: usize, dy: usize, count: i32, skipped: usize, sum: usize): void {
  const foundBytes = p.foundBytes
  const pixel = p.outputs << 2
  let s0 = v128.load(sum), s1 = v128.load(sum, 16), s2 = v128.load(sum, 32), s3 = v128.load(sum, 48)
  let s4 = v128.load(sum, 64), s5 = v128.load(sum, 80), s6 = v128.load(sum, 96)
  for (; count > 0; count--) {
    const patch = load<usize>(place) + skipped
    const d = v128.load32_splat(dy)
    place += foundBytes
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
  const foundBytes = p.foundBytes
  const pixel = p.outputs << 2
  let s0 = v128.load(sum), s1 = v128.load(sum, 16), s2 = v128.load(sum, 32)
  for (; count > 0; count--) {
    const patch = load<usize>(place) + skipped
    const d = v128.load32_splat(dy)
    place += foundBytes
    dy += pixel
    s0 = madd(v128.load(patch), d, s0)
    s1 = madd(v128.load(patch, 16), d, s1)
    s2 = madd(v128.load(patch, 32), d, s2)
  }
  v128.store(sum, s0)
  v128.store(sum, s1, 16)
  v128.store(sum, s2, 32)
}
