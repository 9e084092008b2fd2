import { BinaryParams, row, rows } from '../binary'
import { pow } from '../math'

// Operations of two operands that inference seldom holds, in the form of ../binary.ts.

class Pow { @inline apply(a: v128, b: v128): v128 { return pow(a, b) } }

class ReluGradient {
  @inline apply(dy: v128, y: v128): v128 { return v128.and(dy, f32x4.gt(y, f32x4.splat(0))) }
}

class SigmoidGradient {
  @inline apply(dy: v128, y: v128): v128 { return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(f32x4.splat(1), y))) }
}

class TanhGradient {
  @inline apply(dy: v128, y: v128): v128 { return f32x4.mul(dy, f32x4.sub(f32x4.splat(1), f32x4.mul(y, y))) }
}

class AddInt { @inline apply(a: v128, b: v128): v128 { return i32x4.add(a, b) } }
class SubInt { @inline apply(a: v128, b: v128): v128 { return i32x4.sub(a, b) } }
class MulInt { @inline apply(a: v128, b: v128): v128 { return i32x4.mul(a, b) } }
class MaxInt { @inline apply(a: v128, b: v128): v128 { return i32x4.max_s(a, b) } }
class MinInt { @inline apply(a: v128, b: v128): v128 { return i32x4.min_s(a, b) } }

/** One row of results. */
function wordRow(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  switch (operation) {
    case 0: { row<Pow>(a, b, y, count, aStep, bStep); break }
    case 1: { row<ReluGradient>(a, b, y, count, aStep, bStep); break }
    case 2: { row<SigmoidGradient>(a, b, y, count, aStep, bStep); break }
    case 3: { row<TanhGradient>(a, b, y, count, aStep, bStep); break }
    case 4: { row<AddInt>(a, b, y, count, aStep, bStep); break }
    case 5: { row<SubInt>(a, b, y, count, aStep, bStep); break }
    case 6: { row<MulInt>(a, b, y, count, aStep, bStep); break }
    case 7: { row<MaxInt>(a, b, y, count, aStep, bStep); break }
    case 8: { row<MinInt>(a, b, y, count, aStep, bStep); break }
    default: unreachable()
  }
}

class WordRows {
  @inline get bytes(): usize { return 4 }
  @inline apply(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
    wordRow(operation, a, b, y, count, aStep, bStep)
  }
}

/** y = operation(a, b), broadcast, on float32 or int32. */
export function binary_w32(p: BinaryParams, tile: i32, thread: i32): void {
  rows<WordRows>(p, tile)
}
