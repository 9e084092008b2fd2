import { storeLeft } from '../simd'

// @ts-ignore: decorator
@unmanaged
export class RandomUniformParams { step: usize; y: usize; size: i32; chunk: i32; seed: i32; stream: i32 }

// @ts-ignore: decorator
@unmanaged
export class DropoutParams { x: usize; step: usize; y: usize; size: i32; chunk: i32; seed: i32; stream: i32; threshold: i32; scale: f32 }

/** The high words of the four unsigned products a * b. */
// @ts-ignore: decorator
@inline
function multiplyHigh(a: v128, b: v128): v128 {
  return i8x16.shuffle(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b), 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
}

/** Stores four elements of a block of random words: uniform numbers, or the kept and scaled elements of x. */
// @ts-ignore: decorator
@inline
function emit(words: v128, x: usize, y: usize, count: i32, dropout: bool, threshold: v128, scale: v128): void {
  if (count <= 0) return
  const bits = i32x4.shr_u(words, 8)
  const value = dropout
    ? v128.and(f32x4.mul(v128.load(x), scale), i32x4.ge_s(bits, threshold))
    : f32x4.mul(f32x4.convert_i32x4_s(bits), f32x4.splat(1.0 / 16777216))
  storeLeft(y, value, count)
}

/** Philox4x32-10 on four counters at a time: 16 elements. `from` is a multiple of 16. */
// @ts-ignore: decorator
@inline
function draw(from: i32, to: i32, step: i32, seed: i32, stream: i32, x: usize, y: usize, dropout: bool, threshold: v128, scale: v128): void {
  const m0 = i32x4.splat(<i32>0xD2511F53)
  const m1 = i32x4.splat(<i32>0xCD9E8D57)
  for (let i = from; i < to; i += 16) {
    let c0 = i32x4.add(i32x4.splat(<i32>(<u32>i >> 2)), i32x4(0, 1, 2, 3))
    let c1 = i32x4.splat(step)
    let c2 = i32x4.splat(0)
    let c3 = i32x4.splat(0)
    let k0 = seed
    let k1 = stream
    for (let round = 0; round < 10; round++) {
      const high0 = multiplyHigh(c0, m0)
      const high1 = multiplyHigh(c2, m1)
      const low0 = i32x4.mul(c0, m0)
      const low1 = i32x4.mul(c2, m1)
      c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(k0))
      c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(k1))
      c1 = low1
      c3 = low0
      k0 += <i32>0x9E3779B9
      k1 += <i32>0xBB67AE85
    }
    const a = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
    const b = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
    const c = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
    const d = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
    const left = to - i
    const at = <usize>i << 2
    emit(v128.shuffle<i64>(a, b, 0, 2), x + at, y + at, left, dropout, threshold, scale)
    emit(v128.shuffle<i64>(a, b, 1, 3), x + at + 16, y + at + 16, left - 4, dropout, threshold, scale)
    emit(v128.shuffle<i64>(c, d, 0, 2), x + at + 32, y + at + 32, left - 8, dropout, threshold, scale)
    emit(v128.shuffle<i64>(c, d, 1, 3), x + at + 48, y + at + 48, left - 12, dropout, threshold, scale)
  }
}

/** y = uniform numbers in [0, 1); `step` points to an int32. `chunk` is a multiple of 16. */
export function random_uniform_f32(p: RandomUniformParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  draw(from, min(from + p.chunk, p.size), load<i32>(p.step), p.seed, p.stream, 0, p.y, false, i32x4.splat(0), f32x4.splat(0))
}

/** y = x * scale where the element's random number, as 24 bits, is at least `threshold`, else 0; y may be x. `chunk` is a multiple of 16. */
export function dropout_f32(p: DropoutParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  draw(from, min(from + p.chunk, p.size), load<i32>(p.step), p.seed, p.stream, p.x, p.y, true, i32x4.splat(p.threshold), f32x4.splat(p.scale))
}
