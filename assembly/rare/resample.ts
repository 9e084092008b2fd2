import { madd, storeLeft } from '../simd'

/** x [outer, from, inner] -> y [outer, to, inner], float32; a table of `taps` indices (int32, in range) and weights for each of `to`. */
// @ts-ignore: decorator
@unmanaged
export class ResampleParams { x: usize; indices: usize; weights: usize; y: usize; from: i32; to: i32; taps: i32; inner: i32; rows: i32; chunk: i32 }

/** The sum over the taps of weight times element, for four neighbours at byte offset `at` of a row. */
// @ts-ignore: decorator
@inline
function weighted(x: usize, at: usize, indices: usize, weights: usize, taps: i32, rowBytes: usize): v128 {
  let sum = f32x4.mul(v128.load32_splat(weights), v128.load(x + <usize>load<i32>(indices) * rowBytes + at))
  for (let tap = 1; tap < taps; tap++) {
    const shift = <usize>tap << 2
    const from = x + <usize>load<i32>(indices + shift) * rowBytes + at
    sum = madd(v128.load32_splat(weights + shift), v128.load(from), sum)
  }
  return sum
}

/** y[o][i] = the sum over taps t of weights[i][t] * x[o][indices[i][t]], in the order of the taps. A tile owns `chunk` rows of y. */
export function resample_f32(p: ResampleParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.rows)
  const taps = p.taps, inner = p.inner, to = p.to
  const rowBytes = <usize>inner << 2
  const tableBytes = <usize>taps << 2
  let row = tile * p.chunk
  let at = row % to
  let x = p.x + <usize>(row / to) * p.from * rowBytes
  let y = p.y + <usize>row * rowBytes
  for (; row < end; row++, y += rowBytes) {
    const indices = p.indices + at * tableBytes
    const weights = p.weights + at * tableBytes
    if (inner == 1) {
      let sum: f32 = 0
      for (let tap: usize = 0; tap < tableBytes; tap += 4)
        sum += load<f32>(weights + tap) * load<f32>(x + (<usize>load<i32>(indices + tap) << 2))
      store<f32>(y, sum)
    } else {
      for (let k = 0; k < inner; k += 4) {
        const offset = <usize>k << 2
        storeLeft(y + offset, weighted(x, offset, indices, weights, taps, rowBytes), inner - k)
      }
    }
    if (++at == to) {
      at = 0
      x += <usize>p.from * rowBytes
    }
  }
}
