import { indexAt } from '../movement'

/** `count` indices of `indexBytes` (4 or 8) bytes into an axis of `axis` rows, as for gather; rows of `inner` float32 elements. A tile owns `chunk` rows of the axis. */
// @ts-ignore: decorator
@unmanaged
export class GatherGradientParams { dy: usize; indices: usize; dx: usize; indexBytes: i32; outer: i32; axis: i32; count: i32; inner: i32; chunk: i32 }

/** dx[o][r] = the sum of dy[o][i] over all i with indices[i] = r, in the order of i. Indices out of range are passed over. */
export function gather_gradient_f32(p: GatherGradientParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.axis)
  const inner = p.inner
  const rowBytes = <usize>inner << 2
  for (let o = 0; o < p.outer; o++) {
    const dx = p.dx + <usize>o * p.axis * rowBytes
    memory.fill(dx + from * rowBytes, 0, (to - from) * rowBytes)
    let dy = p.dy + <usize>o * p.count * rowBytes
    for (let i = 0; i < p.count; i++, dy += rowBytes) {
      const at = indexAt(p.indices, p.indexBytes, i, p.axis)
      if (at < from || at >= to) continue
      const target = dx + at * rowBytes
      let k = 0
      for (; k + 4 <= inner; k += 4) {
        const offset = <usize>k << 2
        v128.store(target + offset, f32x4.add(v128.load(target + offset), v128.load(dy + offset)))
      }
      for (; k < inner; k++) {
        const offset = <usize>k << 2
        store<f32>(target + offset, load<f32>(target + offset) + load<f32>(dy + offset))
      }
    }
  }
}
