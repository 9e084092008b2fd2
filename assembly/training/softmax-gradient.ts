import { firstLanes, log, storeLanes, sumOfLanes } from '../math'
import { expRow, maxOfRow, scaleRow } from '../softmax'

/** dy, y, dx [outer, length, inner]; dx may share the memory of dy or of y. */
// @ts-ignore: decorator
@unmanaged
export class SoftmaxGradientParams { dy: usize; y: usize; dx: usize; outer: i32; length: i32; inner: i32; chunk: i32 }

function softmaxGradientRow(dy: usize, y: usize, dx: usize, count: i32): void {
  let total = f32x4.splat(0)
  const end = <usize>count << 2
  for (let at: usize = 0; at < end; at += 16) {
    const product = f32x4.mul(v128.load(dy + at), v128.load(y + at))
    total = f32x4.add(total, firstLanes(product, f32x4.splat(0), <i32>((end - at) >> 2)))
  }
  total = f32x4.splat(sumOfLanes(total))
  for (let at: usize = 0; at < end; at += 16)
    storeLanes(dx + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(dy + at), total)), <i32>((end - at) >> 2))
}

function softmaxGradientColumns(dy: usize, y: usize, dx: usize, rows: i32, columns: i32, stride: usize): void {
  const end = <usize>rows * stride
  for (let column = 0; column < columns; column += 4, dy += 16, y += 16, dx += 16) {
    let total = f32x4.splat(0)
    for (let at: usize = 0; at < end; at += stride)
      total = f32x4.add(total, f32x4.mul(v128.load(dy + at), v128.load(y + at)))
    for (let at: usize = 0; at < end; at += stride)
      storeLanes(dx + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(dy + at), total)), columns - column)
  }
}

/** dx = y (dy - sum(dy y)). A tile is `chunk` outer indices. */
export function softmax_gradient_f32(p: SoftmaxGradientParams, tile: i32, thread: i32): void {
  const size = <usize>(p.length * p.inner) << 2
  const to = min((tile + 1) * p.chunk, p.outer)
  for (let outer = tile * p.chunk; outer < to; outer++) {
    const offset = <usize>outer * size
    if (p.inner == 1) softmaxGradientRow(p.dy + offset, p.y + offset, p.dx + offset, p.length)
    else softmaxGradientColumns(p.dy + offset, p.y + offset, p.dx + offset, p.length, p.inner, <usize>p.inner << 2)
  }
}

/** logits, target, probabilities [rows, length], loss [rows]. */
// @ts-ignore: decorator
@unmanaged
export class CrossEntropyParams { logits: usize; target: usize; loss: usize; probabilities: usize; rows: i32; length: i32; chunk: i32 }

/** loss = -sum(target log p), p = softmax(logits); a target of 0 takes no part. A tile is `chunk` rows. */
export function softmax_cross_entropy_f32(p: CrossEntropyParams, tile: i32, thread: i32): void {
  const count = p.length
  const bytes = <usize>count << 2
  const to = min((tile + 1) * p.chunk, p.rows)
  const zero = f32x4.splat(0)
  for (let row = tile * p.chunk; row < to; row++) {
    const offset = <usize>row * bytes
    const x = p.logits + offset
    const target = p.target + offset
    const y = p.probabilities + offset
    const shift = f32x4.splat(maxOfRow(x, count))
    const total = expRow(x, y, count, shift)
    const logarithm = log(f32x4.splat(total))
    let loss = zero
    for (let i = 0; i < count; i += 4) {
      const weight = v128.load(target + (<usize>i << 2))
      const surprise = f32x4.sub(logarithm, f32x4.sub(v128.load(x + (<usize>i << 2)), shift))
      const term = v128.andnot(f32x4.mul(weight, surprise), f32x4.eq(weight, zero))
      loss = f32x4.add(loss, firstLanes(term, zero, count - i))
    }
    store<f32>(p.loss + (<usize>row << 2), sumOfLanes(loss))
    scaleRow(y, count, f32x4.splat(1 / total))
  }
}

/** dloss [rows]; probabilities, target, dx [rows, length]; dx may share the memory of probabilities. */
// @ts-ignore: decorator
@unmanaged
export class CrossEntropyGradientParams { dloss: usize; probabilities: usize; target: usize; dx: usize; rows: i32; length: i32; chunk: i32 }

/** dx = dloss (p sum(target) - target). A tile is `chunk` rows. */
export function softmax_cross_entropy_gradient_f32(p: CrossEntropyGradientParams, tile: i32, thread: i32): void {
  const count = p.length
  const bytes = <usize>count << 2
  const to = min((tile + 1) * p.chunk, p.rows)
  for (let row = tile * p.chunk; row < to; row++) {
    const offset = <usize>row * bytes
    const target = p.target + offset
    let sum = f32x4.splat(0)
    for (let i = 0; i < count; i += 4)
      sum = f32x4.add(sum, firstLanes(v128.load(target + (<usize>i << 2)), f32x4.splat(0), count - i))
    const total = f32x4.splat(sumOfLanes(sum))
    const factor = v128.load32_splat(p.dloss + (<usize>row << 2))
    for (let i = 0; i < count; i += 4) {
      const at = <usize>i << 2
      const difference = f32x4.sub(f32x4.mul(v128.load(p.probabilities + offset + at), total), v128.load(target + at))
      storeLanes(p.dx + offset + at, f32x4.mul(factor, difference), count - i)
    }
  }
}
