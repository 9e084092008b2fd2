import { pow, storeLanes } from './math'

/**
 * Operands of a broadcast operation. The output is contiguous: `size` elements in rows of `inner`; along a row an operand moves by
 * its step (0 or 1). The list holds, for the `rank` axes outside a row, the dims, then a's and b's strides in elements.
 */
// @ts-ignore: decorator
@unmanaged
export class BinaryParams { a: usize; b: usize; y: usize; size: i32; chunk: i32; operation: i32; inner: i32; aStep: i32; bStep: i32; rank: i32 }

/** Offset in elements of row `row`; `dims` and `strides` point to `rank` words. */
export function rowOffset(dims: usize, strides: usize, rank: i32, row: i32): i32 {
  if (rank == 0) return 0
  let offset = 0
  for (let axis = rank - 1; axis > 0; axis--) {
    const dim = load<i32>(dims + (<usize>axis << 2))
    const outer = row / dim
    offset += (row - outer * dim) * load<i32>(strides + (<usize>axis << 2))
    row = outer
  }
  return offset + row * load<i32>(strides)
}

// One class an operation: `apply` maps four lanes. The numbers are those of src/backend/wasm/lower/binary.ts.

class Add { @inline apply(a: v128, b: v128): v128 { return f32x4.add(a, b) } }
class Sub { @inline apply(a: v128, b: v128): v128 { return f32x4.sub(a, b) } }
class Mul { @inline apply(a: v128, b: v128): v128 { return f32x4.mul(a, b) } }
class Div { @inline apply(a: v128, b: v128): v128 { return f32x4.div(a, b) } }
class Pow { @inline apply(a: v128, b: v128): v128 { return pow(a, b) } }
class Max { @inline apply(a: v128, b: v128): v128 { return f32x4.max(a, b) } }
class Min { @inline apply(a: v128, b: v128): v128 { return f32x4.min(a, b) } }

class PRelu {
  @inline apply(a: v128, b: v128): v128 { return v128.bitselect(f32x4.mul(a, b), a, f32x4.lt(a, f32x4.splat(0))) }
}

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

function row<T>(a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  const operation = changetype<T>(<usize>0)
  let left = v128.load32_splat(a)
  let right = v128.load32_splat(b)
  let i = 0
  if (aStep != 0 && bStep != 0) {
    for (; i + 4 <= count; i += 4, a += 16, b += 16, y += 16) v128.store(y, operation.apply(v128.load(a), v128.load(b)))
  } else if (aStep != 0) {
    for (; i + 4 <= count; i += 4, a += 16, y += 16) v128.store(y, operation.apply(v128.load(a), right))
  } else {
    for (; i + 4 <= count; i += 4, b += 16, y += 16) v128.store(y, operation.apply(left, v128.load(b)))
  }
  if (i == count) return
  if (aStep != 0) left = v128.load(a)
  if (bStep != 0) right = v128.load(b)
  storeLanes(y, operation.apply(left, right), count - i)
}

/** One row of 32-bit results. */
function wordRow(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  switch (operation) {
    case 0: { row<Add>(a, b, y, count, aStep, bStep); break }
    case 1: { row<Sub>(a, b, y, count, aStep, bStep); break }
    case 2: { row<Mul>(a, b, y, count, aStep, bStep); break }
    case 3: { row<Div>(a, b, y, count, aStep, bStep); break }
    case 4: { row<Pow>(a, b, y, count, aStep, bStep); break }
    case 5: { row<Max>(a, b, y, count, aStep, bStep); break }
    case 6: { row<Min>(a, b, y, count, aStep, bStep); break }
    case 7: { row<PRelu>(a, b, y, count, aStep, bStep); break }
    case 8: { row<ReluGradient>(a, b, y, count, aStep, bStep); break }
    case 9: { row<SigmoidGradient>(a, b, y, count, aStep, bStep); break }
    case 10: { row<TanhGradient>(a, b, y, count, aStep, bStep); break }
    case 11: { row<AddInt>(a, b, y, count, aStep, bStep); break }
    case 12: { row<SubInt>(a, b, y, count, aStep, bStep); break }
    case 13: { row<MulInt>(a, b, y, count, aStep, bStep); break }
    case 14: { row<MaxInt>(a, b, y, count, aStep, bStep); break }
    case 15: { row<MinInt>(a, b, y, count, aStep, bStep); break }
    default: unreachable()
  }
}

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

/** Runs the rows and parts of rows of a tile. */
function rows(p: BinaryParams, tile: i32, mask: bool): void {
  const dims = changetype<usize>(p) + offsetof<BinaryParams>()
  const rank = p.rank
  const inner = p.inner
  const words = <usize>rank << 2
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / inner
    const column = at - row * inner
    const count = min(inner - column, to - at)
    const a = p.a + (<usize>(rowOffset(dims, dims + words, rank, row) + column * p.aStep) << 2)
    const b = p.b + (<usize>(rowOffset(dims, dims + 2 * words, rank, row) + column * p.bStep) << 2)
    if (mask) maskRow(p.operation, a, b, p.y + <usize>at, count, p.aStep, p.bStep)
    else wordRow(p.operation, a, b, p.y + (<usize>at << 2), count, p.aStep, p.bStep)
    at += count
  }
}

/** y = operation(a, b), broadcast, on float32 or int32; 32-bit results. */
export function binary_w32(p: BinaryParams, tile: i32, thread: i32): void {
  rows(p, tile, false)
}

/** y = operation(a, b), broadcast, on float32 or int32; results are bool bytes. */
export function compare_w32(p: BinaryParams, tile: i32, thread: i32): void {
  rows(p, tile, true)
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
    for (let i = 0; i < count; i++, a += p.aStep, b += p.bStep) {
      const left = load<u8>(a)
      const right = load<u8>(b)
      let result = left ^ right
      if (p.operation == 0) result = left & right
      else if (p.operation == 1) result = left | right
      else if (p.operation == 3) result ^= 1
      store<u8>(p.y + <usize>(at + i), result)
    }
    at += count
  }
}
