import { log, storeLanes } from '../math'
import { expRow, maxOfColumns, maxOfRow, SoftmaxParams, sumOfColumns } from '../softmax'

function logSoftmaxRow(x: usize, y: usize, count: i32): void {
  const shift = f32x4.splat(maxOfRow(x, count))
  const logarithm = log(f32x4.splat(expRow(x, 0, count, shift)))
  for (let i = 0; i < count; i += 4, x += 16, y += 16)
    storeLanes(y, f32x4.sub(f32x4.sub(v128.load(x), shift), logarithm), count - i)
}

/** Four columns at a time, `stride` bytes from row to row. */
function logSoftmaxColumns(x: usize, y: usize, rows: i32, columns: i32, stride: usize): void {
  for (let column = 0; column < columns; column += 4, x += 16, y += 16) {
    const end = <usize>rows * stride
    const highest = maxOfColumns(x, end, stride)
    const total = log(sumOfColumns(x, end, stride, highest))
    for (let at: usize = 0; at < end; at += stride)
      storeLanes(y + at, f32x4.sub(f32x4.sub(v128.load(x + at), highest), total), columns - column)
  }
}

/** The logarithm of softmax_f32. A tile is `chunk` outer indices. */
export function log_softmax_f32(p: SoftmaxParams, tile: i32, thread: i32): void {
  const size = <usize>(p.length * p.inner) << 2
  const to = min((tile + 1) * p.chunk, p.outer)
  for (let outer = tile * p.chunk; outer < to; outer++) {
    const x = p.x + <usize>outer * size
    const y = p.y + <usize>outer * size
    if (p.inner != 1) logSoftmaxColumns(x, y, p.length, p.inner, <usize>p.inner << 2)
    else logSoftmaxRow(x, y, p.length)
  }
}
