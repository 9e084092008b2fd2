import { storeLeft } from '../simd'
import { firstTap, lastTap, windowsBefore, windowsUntil } from '../window'
import { lanes } from './plane-pool'

/** As PoolPlanesParams; `indices`, int64, are the places of the maxima in the whole of x. */
// @ts-ignore: decorator
@unmanaged
export class PoolIndicesParams {
  x: usize; y: usize; indices: usize
  rows: i32; chunk: i32
  inD: i32; inH: i32; inW: i32
  outD: i32; outH: i32; outW: i32
  kD: i32; kH: i32; kW: i32
  sD: i32; sH: i32; sW: i32
  dD: i32; dH: i32; dW: i32
  pD: i32; pH: i32; pW: i32
}

/** y = the first maximum of each window of x, NaN being larger than all, and its place; of pads alone -Infinity and -1. */
export function max_pool_indices_f32(p: PoolIndicesParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.rows)
  const inW = p.inW, inH = p.inH, inD = p.inD, sW = p.sW, dW = p.dW
  const whole = windowsBefore(-p.pW, sW)
  const cut = windowsUntil(-p.pW, sW, inW - (p.kW - 1) * dW - 1)
  for (let row = tile * p.chunk; row < to; row++) {
    const rest = row / p.outH
    const z = (rest % p.outD) * p.sD - p.pD
    const y = (row % p.outH) * p.sH - p.pH
    const z0 = firstTap(z, p.dD), z1 = lastTap(z, inD, p.dD, p.kD)
    const y0 = firstTap(y, p.dH), y1 = lastTap(y, inH, p.dH, p.kH)
    const volume = rest / p.outD * inD * inH * inW
    const plane = p.x + (<usize>volume << 2)
    for (let ow = 0; ow < p.outW;) {
      const left = ow * sW - p.pW
      // Four windows that lie within the row, or one.
      const together = ow >= whole && ow + 4 <= cut
      const x0 = together ? 0 : firstTap(left, dW)
      const x1 = together ? p.kW : lastTap(left, inW, dW, p.kW)
      const stride = together ? sW : 0
      let best = f32x4.splat(-Infinity), found = i32x4.splat(-1)
      for (let tapZ = z0; tapZ < z1; tapZ++)
        for (let tapY = y0; tapY < y1; tapY++) {
          let at = ((z + tapZ * p.dD) * inH + y + tapY * p.dH) * inW + left + x0 * dW
          let place = i32x4.add(i32x4.splat(at), i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(stride)))
          for (let tapX = x0; tapX < x1; tapX++, at += dW) {
            const address = plane + (<usize>at << 2)
            const value = together ? lanes(address, stride) : v128.load32_splat(address)
            const unordered = v128.andnot(f32x4.ne(value, value), f32x4.ne(best, best))
            // The first tap counts, whatever it is.
            const better = v128.or(v128.or(f32x4.gt(value, best), unordered), i32x4.lt_s(found, i32x4.splat(0)))
            best = v128.bitselect(value, best, better)
            found = v128.bitselect(place, found, better)
            place = i32x4.add(place, i32x4.splat(dW))
          }
        }
      const out = <usize>(row * p.outW + ow)
      // -1 stays as it is.
      const shift = v128.andnot(i32x4.splat(volume), i32x4.lt_s(found, i32x4.splat(0)))
      const index = i32x4.add(found, shift)
      storeLeft(p.y + (out << 2), best, together ? 4 : 1)
      if (together) {
        v128.store(p.indices + (out << 3), i64x2.extend_low_i32x4_s(index))
        v128.store(p.indices + (out << 3), i64x2.extend_high_i32x4_s(index), 16)
        ow += 4
      } else {
        store<i64>(p.indices + (out << 3), <i64>i32x4.extract_lane(index, 0))
        ow++
      }
    }
  }
}
