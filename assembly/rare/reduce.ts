import { exp, firstLanes, log, storeLanes, sumOfLanes } from '../math'
import { columns, Max, reduce, ReduceParams, row } from '../reduce'

// Reductions that few models hold, in the form of ../reduce.ts.

class SumAbs {
  @inline start(): v128 { return f32x4.splat(0) }
  @inline step(a: v128, x: v128): v128 { return f32x4.add(a, f32x4.abs(x)) }
  @inline join(a: v128, b: v128): v128 { return f32x4.add(a, b) }
}

class Prod {
  @inline start(): v128 { return f32x4.splat(1) }
  @inline step(a: v128, x: v128): v128 { return f32x4.mul(a, x) }
  @inline join(a: v128, b: v128): v128 { return f32x4.mul(a, b) }
}

class Min {
  @inline start(): v128 { return f32x4.splat(f32.POSITIVE_INFINITY) }
  @inline step(a: v128, x: v128): v128 { return f32x4.min(a, x) }
  @inline join(a: v128, b: v128): v128 { return f32x4.min(a, b) }
}

/** What a log-sum-exp takes out of its exponents: the maximum, or 0 where that is infinite. */
// @ts-ignore: decorator
@inline
function shiftOf(highest: v128): v128 {
  return v128.bitselect(highest, f32x4.splat(0), f32x4.lt(f32x4.abs(highest), f32x4.splat(f32.POSITIVE_INFINITY)))
}

/** log(sum(e^x)) of `count` contiguous elements. */
function logSumExpRow(x: usize, y: usize, count: i32): void {
  row<Max>(x, y, count)
  const shift = shiftOf(v128.load32_splat(y))
  let total = f32x4.splat(0)
  for (let i = 0; i < count; i += 4, x += 16) {
    const terms = exp(f32x4.sub(v128.load(x), shift))
    total = f32x4.add(total, firstLanes(terms, f32x4.splat(0), count - i))
  }
  store<f32>(y, f32x4.extract_lane(f32x4.add(log(f32x4.splat(sumOfLanes(total))), shift), 0))
}

/** log(sum(e^x)) down `columns` columns. */
function logSumExpColumns(x: usize, y: usize, rows: i32, columns: i32, stride: usize): void {
  for (let column = 0; column < columns; column += 4, x += 16, y += 16) {
    let highest = f32x4.splat(-f32.POSITIVE_INFINITY)
    let at = x
    for (let i = 0; i < rows; i++, at += stride) highest = f32x4.max(highest, v128.load(at))
    const shift = shiftOf(highest)
    let total = f32x4.splat(0)
    at = x
    for (let i = 0; i < rows; i++, at += stride) total = f32x4.add(total, exp(f32x4.sub(v128.load(at), shift)))
    storeLanes(y, f32x4.add(log(total), shift), columns - column)
  }
}

function reduceRow(operation: i32, x: usize, y: usize, count: i32): void {
  switch (operation) {
    case 0: { row<SumAbs>(x, y, count); break }
    case 1: { row<Prod>(x, y, count); break }
    case 2: { row<Min>(x, y, count); break }
    case 3: { logSumExpRow(x, y, count); break }
    default: unreachable()
  }
}

function reduceColumns(operation: i32, x: usize, y: usize, rows: i32, count: i32, stride: usize): void {
  switch (operation) {
    case 0: { columns<SumAbs>(x, y, rows, count, stride); break }
    case 1: { columns<Prod>(x, y, rows, count, stride); break }
    case 2: { columns<Min>(x, y, rows, count, stride); break }
    case 3: { logSumExpColumns(x, y, rows, count, stride); break }
    default: unreachable()
  }
}

class Reductions {
  @inline row(operation: i32, x: usize, y: usize, count: i32): void { reduceRow(operation, x, y, count) }
  @inline columns(operation: i32, x: usize, y: usize, rows: i32, count: i32, stride: usize): void {
    reduceColumns(operation, x, y, rows, count, stride)
  }
}

export function rare_reduce_f32(p: ReduceParams, tile: i32, thread: i32): void {
  reduce<Reductions>(p, tile)
}
