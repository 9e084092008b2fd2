import { firstLanes, storeLanes, sumOfLanes } from './math'
import { madd } from './simd'

/**
 * x [rows, width] -> y = (x - mean) inverse scale + bias of each row, inverse being 1 / sqrt(variance + epsilon).
 * `period` 0: scale and bias hold an element a column; otherwise row r takes their element r % period. Without `centred`
 * the mean counts as 0. bias, means and inverses (rows elements, written) may be 0. A tile is `chunk` rows.
 */
// @ts-ignore: decorator
@unmanaged
export class NormalizeParams {
  x: usize
  y: usize
  scale: usize
  bias: usize
  means: usize
  inverses: usize
  rows: i32
  width: i32
  period: i32
  centred: i32
  chunk: i32
  epsilon: f32
}

function sumOfRow(x: usize, count: i32): f32 {
  const zero = f32x4.splat(0)
  let total = zero
  for (let i = 0; i < count; i += 4, x += 16) total = f32x4.add(total, firstLanes(v128.load(x), zero, count - i))
  return sumOfLanes(total)
}

/** The sum of (x - mean)² of a row. */
function squaresOfRow(x: usize, count: i32, mean: v128): f32 {
  const zero = f32x4.splat(0)
  let total = zero
  for (let i = 0; i < count; i += 4, x += 16) {
    const centred = firstLanes(f32x4.sub(v128.load(x), mean), zero, count - i)
    total = madd(centred, centred, total)
  }
  return sumOfLanes(total)
}

export function normalize_f32(p: NormalizeParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.rows)
  const width = p.width
  for (let row = from; row < to; row++) {
    const offset = <usize>row * (<usize>width << 2)
    const x = p.x + offset
    const y = p.y + offset
    const mean: f32 = p.centred ? sumOfRow(x, width) / <f32>width : 0
    const shift = f32x4.splat(mean)
    const inverse: f32 = 1 / sqrt<f32>(squaresOfRow(x, width, shift) / <f32>width + p.epsilon)
    if (p.means) store<f32>(p.means + (<usize>row << 2), mean)
    if (p.inverses) store<f32>(p.inverses + (<usize>row << 2), inverse)
    if (p.period) {
      const at = <usize>(row % p.period) << 2
      const factor = f32x4.splat(inverse * load<f32>(p.scale + at))
      const summand = f32x4.splat(p.bias ? load<f32>(p.bias + at) : 0)
      for (let i = 0; i < width; i += 4) {
        const o = <usize>i << 2
        storeLanes(y + o, madd(f32x4.sub(v128.load(x + o), shift), factor, summand), width - i)
      }
    } else {
      const factor = f32x4.splat(inverse)
      for (let i = 0; i < width; i += 4) {
        const o = <usize>i << 2
        const summand = p.bias ? v128.load(p.bias + o) : f32x4.splat(0)
        const normal = f32x4.mul(f32x4.sub(v128.load(x + o), shift), factor)
        storeLanes(y + o, madd(normal, v128.load(p.scale + o), summand), width - i)
      }
    }
  }
}
