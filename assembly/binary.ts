import { storeLanes } from './math'

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
class Max { @inline apply(a: v128, b: v128): v128 { return f32x4.max(a, b) } }
class Min { @inline apply(a: v128, b: v128): v128 { return f32x4.min(a, b) } }

class PRelu {
  @inline apply(a: v128, b: v128): v128 { return v128.bitselect(f32x4.mul(a, b), a, f32x4.lt(a, f32x4.splat(0))) }
}

/** A row of results of 32 bits. */
export function row<T>(a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
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

/** One row of results. */
function floatRow(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
  switch (operation) {
    case 0: { row<Add>(a, b, y, count, aStep, bStep); break }
    case 1: { row<Sub>(a, b, y, count, aStep, bStep); break }
    case 2: { row<Mul>(a, b, y, count, aStep, bStep); break }
    case 3: { row<Div>(a, b, y, count, aStep, bStep); break }
    case 4: { row<Max>(a, b, y, count, aStep, bStep); break }
    case 5: { row<Min>(a, b, y, count, aStep, bStep); break }
    case 6: { row<PRelu>(a, b, y, count, aStep, bStep); break }
    default: unreachable()
  }
}

class FloatRows {
  @inline get bytes(): usize { return 4 }
  @inline apply(operation: i32, a: usize, b: usize, y: usize, count: i32, aStep: i32, bStep: i32): void {
    floatRow(operation, a, b, y, count, aStep, bStep)
  }
}

/** Runs the rows and parts of rows of a tile; `R` knows the operations, and the bytes of a result. */
// @ts-ignore: decorator
@inline
export function rows<R>(p: BinaryParams, tile: i32): void {
  const operations = changetype<R>(<usize>0)
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
    operations.apply(p.operation, a, b, p.y + <usize>at * operations.bytes, count, p.aStep, p.bStep)
    at += count
  }
}

/** y = operation(a, b), broadcast, on float32. */
export function binary_f32(p: BinaryParams, tile: i32, thread: i32): void {
  rows<FloatRows>(p, tile)
}
