import { BinaryParams, rowOffset, rows } from '../binary'

// The numbers of the operations are those of src/backend/wasm/lower/binary.ts.

class Equal { @inline apply(a: v128, b: v128): v128 { return f32x4.eq(a, b) } }
class Greater { @inline apply(a: v128, b: v128): v128 { return f32x4.gt(a, b) } }
class GreaterOrEqual { @inline apply(a: v128, b: v128): v128 { return f32x4.ge(a, b) } }
class Less { @inline apply(a: v128, b: v128): v128 { return f32x4.lt(a, b) } }
class LessOrEqual { @inline apply(a: v128, b: v128): v128 { return f32x4.le(a, b) } }
class EqualInt { @inline apply(a: v128, b: v128): v128 { return i32x4.eq(a, b) } }
class GreaterInt { @inline apply(a: v128, b: v128): v128 { return i32x4.gt_s(a, b) } }
class GreaterOrEqualInt { @inline apply(a: v128, b: v128): v128 { return i32x4.ge_s(a, b) } }
class LessInt { @inline apply(a: v128, b: v128): v128 { return i32x4.lt_s(a, b) } }
class LessOrEqualInt { @inline apply(a: v128, b: v128): v128 { return i32x4.le_s(a, b) } }

/** Stores the first `count` lanes (1 or more) of a mask as bytes of 0 and 1. */
// @ts-ignore: decorator
@inline
function storeMask(to: usize, mask: v128, count: i32): void {
  const halves = i16x8.narrow_i32x4_s(mask, mask)
  const bits = v128.and(i8x16.narrow_i16x8_s(halves, halves), i8x16.splat(1))
  if (count >= 4) {
    v128.store_lane<i32>(to, bits, 0)
    return
  }
  v128.store_lane<u8>(to, bits, 0)
  if (count > 1) v128.store_lane<u8>(to + 1, bits, 1)
  if (count > 2) v128.store_lane<u8>(to + 2, bits, 2)
}

function compare<T>(a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  const operation = changetype<T>(<usize>0)
  const aScalar = v128.load32_splat(a)
  const bScalar = v128.load32_splat(b)
  for (let i = 0; i < count; i += 4, a += 16, b += 16, y += 4) {
    const left = aStep != 0 ? v128.load(a) : aScalar
    const right = bStep != 0 ? v128.load(b) : bScalar
    storeMask(y, operation.apply(left, right), count - i)
  }
}

/** One row of bool results. */
function maskRow(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  switch (operation) {
    case 0: { compare<Equal>(a, b, y, count, aStep, bStep); break }
    case 1: { compare<Greater>(a, b, y, count, aStep, bStep); break }
    case 2: { compare<GreaterOrEqual>(a, b, y, count, aStep, bStep); break }
    case 3: { compare<Less>(a, b, y, count, aStep, bStep); break }
    case 4: { compare<LessOrEqual>(a, b, y, count, aStep, bStep); break }
    case 5: { compare<EqualInt>(a, b, y, count, aStep, bStep); break }
    case 6: { compare<GreaterInt>(a, b, y, count, aStep, bStep); break }
    case 7: { compare<GreaterOrEqualInt>(a, b, y, count, aStep, bStep); break }
    case 8: { compare<LessInt>(a, b, y, count, aStep, bStep); break }
    case 9: { compare<LessOrEqualInt>(a, b, y, count, aStep, bStep); break }
    default: unreachable()
  }
}

class MaskRows {
  @inline get bytes(): usize { return 1 }
  @inline apply(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
    maskRow(operation, a, b, y, count, aStep, bStep)
  }
}

/** y = operation(a, b), broadcast, on float32 or int32; results are bool bytes. */
export function compare_w32(p: BinaryParams, tile: i32, thread: i32): void {
  rows<MaskRows>(p, tile)
}

// @ts-ignore: decorator
@inline
function combined(operation: i32, a: v128, b: v128): v128 {
  if (operation == 0) return v128.and(a, b)
  if (operation == 1) return v128.or(a, b)
  const differs = v128.xor(a, b)
  return operation == 3 ? v128.xor(differs, i8x16.splat(1)) : differs
}

/** y = a and b (0), a or b (1), a xor b (2), a equals b (3) on bool bytes, broadcast. */
export function logical_b8(p: BinaryParams, tile: i32, thread: i32): void {
  const dims = changetype<usize>(p) + offsetof<BinaryParams>()
  const words = <usize>p.rank << 2
  const inner = p.inner
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / inner
    const column = at - row * inner
    const count = min(inner - column, to - at)
    let a = p.a + <usize>(rowOffset(dims, dims + words, p.rank, row) + column * p.aStep)
    let b = p.b + <usize>(rowOffset(dims, dims + 2 * words, p.rank, row) + column * p.bStep)
    let y = p.y + <usize>at
    let i = 0
    for (; i + 16 <= count; i += 16, a += 16 * p.aStep, b += 16 * p.bStep, y += 16) {
      const left = p.aStep ? v128.load(a) : v128.load8_splat(a)
      v128.store(y, combined(p.operation, left, p.bStep ? v128.load(b) : v128.load8_splat(b)))
    }
    for (; i < count; i++, a += p.aStep, b += p.bStep, y++)
      v128.store8_lane(y, combined(p.operation, v128.load8_splat(a), v128.load8_splat(b)), 0)
    at += count
  }
}

// @ts-ignore: decorator
@unmanaged
export class NotParams { x: usize; y: usize; size: i32; chunk: i32 }

/** y = not x on bool bytes. */
export function not_b8(p: NotParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.size)
  let i = tile * p.chunk
  for (; i + 16 <= to; i += 16) v128.store(p.y + <usize>i, v128.xor(v128.load(p.x + <usize>i), i8x16.splat(1)))
  for (; i < to; i++) store<u8>(p.y + <usize>i, load<u8>(p.x + <usize>i) ^ 1)
}
