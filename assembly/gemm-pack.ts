/**
 * Panels of 8 columns, `depth` rows of 8 apart, each [taps x k][8], of a matrix whose element (t, k, n) lies at source +
 * t tapStride + k kStride + n nStride (bytes); kStride or nStride is 4. Missing columns of the last panel hold anything. One tile a panel and batch.
 * The list holds two byte offsets a batch: of the source and of the panels.
 */
// @ts-ignore: decorator
@unmanaged
export class PackParams {
  source: usize
  target: usize
  taps: i32
  tapStride: i32
  k: i32
  depth: i32
  kStride: i32
  columns: i32
  nStride: i32
}

export function pack_panels_f32(p: PackParams, tile: i32, thread: i32): void {
  const panels = (p.columns + 7) >> 3
  const batch = tile / panels
  const panel = tile % panels
  const offsets = changetype<usize>(p) + offsetof<PackParams>() + (<usize>batch << 3)
  const source = p.source + load<usize>(offsets) + panel * 8 * p.nStride
  let target = p.target + load<usize>(offsets, 4) + <usize>(panel * p.depth) * 32
  const columns = min(8, p.columns - panel * 8)
  for (let tap = 0; tap < p.taps; tap++) {
    const from = source + tap * p.tapStride
    if (p.nStride == 4) copyRows(from, p.kStride, target, p.k)
    else transposeRows(from, p.nStride, p.kStride, columns, target, p.k)
    target += <usize>p.k << 5
  }
}

function copyRows(from: usize, stride: i32, to: usize, count: i32): void {
  for (; count > 0; count--, from += stride, to += 32) {
    v128.store(to, v128.load(from))
    v128.store(to, v128.load(from, 16), 16)
  }
}

/** to[k][n] = from[n][k] for up to 8 rows n. */
function transposeRows(from: usize, nStride: i32, kStride: i32, columns: i32, to: usize, count: i32): void {
  for (let half = 0; half < 8; half += 4, to += 16) {
    const r0 = from + half * nStride
    const r1 = r0 + nStride
    const r2 = r1 + nStride
    const r3 = r2 + nStride
    let k = 0
    if (half + 4 <= columns && kStride == 4)
      for (; k + 4 <= count; k += 4) {
        const at = <usize>k << 2
        const v0 = v128.load(r0 + at)
        const v1 = v128.load(r1 + at)
        const v2 = v128.load(r2 + at)
        const v3 = v128.load(r3 + at)
        const l0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5)
        const l1 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5)
        const h0 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7)
        const h1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7)
        const o = to + (<usize>k << 5)
        v128.store(o, v128.shuffle<i64>(l0, l1, 0, 2))
        v128.store(o, v128.shuffle<i64>(l0, l1, 1, 3), 32)
        v128.store(o, v128.shuffle<i64>(h0, h1, 0, 2), 64)
        v128.store(o, v128.shuffle<i64>(h0, h1, 1, 3), 96)
      }
    for (; k < count; k++)
      for (let n = 0; n < 4; n++)
        store<f32>(to + (<usize>k << 5) + (<usize>n << 2), half + n < columns ? load<f32>(from + (half + n) * nStride + k * kStride) : 0)
  }
}
