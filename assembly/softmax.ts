import { exp, firstLanes, maxOfLanes, storeLanes, sumOfLanes } from './math'

/** x [outer, length, inner], softmax along `length`. x and y are the same or disjoint. */
// @ts-ignore: decorator
@unmanaged
export class SoftmaxParams { x: usize; y: usize; outer: i32; length: i32; inner: i32; chunk: i32 }

/** The largest of `count` (1 or more) contiguous elements; NaN are passed over, as e^(NaN - shift) tells them anyway. */
export function maxOfRow(x: usize, count: i32): f32 {
  let a = f32x4.splat(-f32.POSITIVE_INFINITY)
  let b = a
  for (; count >= 8; count -= 8, x += 32) {
    a = f32x4.pmax(a, v128.load(x))
    b = f32x4.pmax(b, v128.load(x, 16))
  }
  for (; count > 0; count -= 4, x += 16) a = f32x4.pmax(a, firstLanes(v128.load(x), b, count))
  return maxOfLanes(f32x4.pmax(a, b))
}

/** The sum of e^(x - shift) of a row; the terms go to y where `y` is not 0. */
export function expRow(x: usize, y: usize, count: i32, shift: v128): f32 {
  let total = f32x4.splat(0)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const term = exp(f32x4.sub(v128.load(x + (<usize>i << 2)), shift))
    total = f32x4.add(total, term)
    if (y) v128.store(y + (<usize>i << 2), term)
  }
  if (i < count) {
    const term = exp(f32x4.sub(v128.load(x + (<usize>i << 2)), shift))
    total = f32x4.add(total, firstLanes(term, f32x4.splat(0), count - i))
    if (y) storeLanes(y + (<usize>i << 2), term, count - i)
  }
  return sumOfLanes(total)
}

export function scaleRow(y: usize, count: i32, factor: v128): void {
  for (; count >= 4; count -= 4, y += 16) v128.store(y, f32x4.mul(v128.load(y), factor))
  storeLanes(y, f32x4.mul(v128.load(y), factor), count)
}

function softmaxRow(x: usize, y: usize, count: i32): void {
  const total = expRow(x, y, count, f32x4.splat(maxOfRow(x, count)))
  scaleRow(y, count, f32x4.splat(1 / total))
}

/** Four columns at a time, `stride` bytes from row to row. */
function softmaxColumns(x: usize, y: usize, rows: i32, columns: i32, stride: usize): void {
  for (let column = 0; column < columns; column += 4, x += 16, y += 16) {
    const end = <usize>rows * stride
    const highest = maxOfColumns(x, end, stride)
    const total = f32x4.div(f32x4.splat(1), sumOfColumns(x, end, stride, highest))
    for (let at: usize = 0; at < end; at += stride)
      storeLanes(y + at, f32x4.mul(exp(f32x4.sub(v128.load(x + at), highest)), total), columns - column)
  }
}

/** The largest of each of four columns, `end` bytes long. */
// @ts-ignore: decorator
@inline
export function maxOfColumns(x: usize, end: usize, stride: usize): v128 {
  let highest = f32x4.splat(-f32.POSITIVE_INFINITY)
  for (let at: usize = 0; at < end; at += stride) highest = f32x4.pmax(highest, v128.load(x + at))
  return highest
}

/** The sum of e^(x - shift) down four columns. */
// @ts-ignore: decorator
@inline
export function sumOfColumns(x: usize, end: usize, stride: usize, shift: v128): v128 {
  let total = f32x4.splat(0)
  for (let at: usize = 0; at < end; at += stride) total = f32x4.add(total, exp(f32x4.sub(v128.load(x + at), shift)))
  return total
}

/** A tile is `chunk` outer indices. */
export function softmax_f32(p: SoftmaxParams, tile: i32, thread: i32): void {
  const size = <usize>(p.length * p.inner) << 2
  const to = min((tile + 1) * p.chunk, p.outer)
  for (let outer = tile * p.chunk; outer < to; outer++) {
    const x = p.x + <usize>outer * size
    const y = p.y + <usize>outer * size
    if (p.inner != 1) softmaxColumns(x, y, p.length, p.inner, <usize>p.inner << 2)
    else softmaxRow(x, y, p.length)
  }
}
