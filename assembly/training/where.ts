import { rowOffset } from '../binary'
import { storeLanes } from '../math'

/** As BinaryParams, on elements of `elementBytes` bytes, with a bool condition; the list holds dims, then the strides of condition, a and b. */
// @ts-ignore: decorator
@unmanaged
export class WhereParams { condition: usize; a: usize; b: usize; y: usize; size: i32; chunk: i32; inner: i32; conditionStep: i32; aStep: i32; bStep: i32; rank: i32; elementBytes: i32 }

/** A row of 32-bit elements. */
function whereWords(p: WhereParams, condition: usize, a: usize, b: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const offset = <usize>i << 2
    const left = p.aStep ? v128.load(a + offset) : v128.load32_splat(a)
    const right = p.bStep ? v128.load(b + offset) : v128.load32_splat(b)
    const bytes = p.conditionStep ? v128.load32_zero(condition + <usize>i) : v128.load8_splat(condition)
    const mask = i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)), i32x4.splat(0))
    storeLanes(y + offset, v128.bitselect(left, right, mask), count - i)
  }
}

function whereRow<T>(p: WhereParams, condition: usize, a: usize, b: usize, y: usize, count: i32): void {
  const aStep = p.aStep * sizeof<T>(), bStep = p.bStep * sizeof<T>()
  for (let i = 0; i < count; i++, condition += p.conditionStep, a += aStep, b += bStep, y += sizeof<T>())
    store<T>(y, load<u8>(condition) ? load<T>(a) : load<T>(b))
}

/** y = condition ? a : b, broadcast. */
export function where_any(p: WhereParams, tile: i32, thread: i32): void {
  const dims = changetype<usize>(p) + offsetof<WhereParams>()
  const rank = p.rank
  const words = <usize>rank << 2
  const inner = p.inner, bytes = p.elementBytes
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / inner
    const column = at - row * inner
    const count = min(inner - column, to - at)
    const condition = p.condition + <usize>(rowOffset(dims, dims + words, rank, row) + column * p.conditionStep)
    const a = p.a + <usize>(rowOffset(dims, dims + 2 * words, rank, row) + column * p.aStep) * bytes
    const b = p.b + <usize>(rowOffset(dims, dims + 3 * words, rank, row) + column * p.bStep) * bytes
    const y = p.y + <usize>at * bytes
    switch (bytes) {
      case 1: { whereRow<u8>(p, condition, a, b, y, count); break }
      case 2: { whereRow<u16>(p, condition, a, b, y, count); break }
      case 4: { whereWords(p, condition, a, b, y, count); break }
      default: whereRow<u64>(p, condition, a, b, y, count)
    }
    at += count
  }
}
