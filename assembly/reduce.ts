import { firstLanes, storeLanes } from './math'

/**
 * x [outer, length, inner] -> y [outer, parts, inner], where part k holds the reduction of elements k partLength and on of `length`.
 * A unit is one part of one outer index, over `block` columns of `inner`; a tile is `units` units in that order.
 */
// @ts-ignore: decorator
@unmanaged
export class ReduceParams { x: usize; y: usize; outer: i32; length: i32; inner: i32; parts: i32; partLength: i32; block: i32; units: i32; operation: i32 }

// One class an operation: `start` holds the reduction of nothing, which is also neutral as an element; `step` takes four elements in,
// `join` combines two results. The numbers are those of src/backend/wasm/lower/reduce.ts.

class Sum {
  @inline start(): v128 { return f32x4.splat(0) }
  @inline step(a: v128, x: v128): v128 { return f32x4.add(a, x) }
  @inline join(a: v128, b: v128): v128 { return f32x4.add(a, b) }
}

class SumSquare {
  @inline start(): v128 { return f32x4.splat(0) }
  @inline step(a: v128, x: v128): v128 { return f32x4.add(a, f32x4.mul(x, x)) }
  @inline join(a: v128, b: v128): v128 { return f32x4.add(a, b) }
}

export class Max {
  @inline start(): v128 { return f32x4.splat(-f32.POSITIVE_INFINITY) }
  @inline step(a: v128, x: v128): v128 { return f32x4.max(a, x) }
  @inline join(a: v128, b: v128): v128 { return f32x4.max(a, b) }
}

/** `count` contiguous elements to one, in four interleaved vectors. */
export function row<T>(x: usize, y: usize, count: i32): void {
  const operation = changetype<T>(<usize>0)
  let a = operation.start()
  let b = a
  let c = a
  let d = a
  let i = 0
  for (; i + 16 <= count; i += 16, x += 64) {
    a = operation.step(a, v128.load(x))
    b = operation.step(b, v128.load(x, 16))
    c = operation.step(c, v128.load(x, 32))
    d = operation.step(d, v128.load(x, 48))
  }
  for (; i + 4 <= count; i += 4, x += 16) a = operation.step(a, v128.load(x))
  if (i < count) b = operation.step(b, firstLanes(v128.load(x), operation.start(), count - i))
  a = operation.join(operation.join(a, b), operation.join(c, d))
  a = operation.join(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1))
  a = operation.join(a, v128.shuffle<f32>(a, a, 1, 0, 3, 2))
  store<f32>(y, f32x4.extract_lane(a, 0))
}

/** `rows` rows, `stride` bytes apart, of `columns` elements to one row. */
export function columns<T>(x: usize, y: usize, rows: i32, columns: i32, stride: usize): void {
  const operation = changetype<T>(<usize>0)
  let column = 0
  for (; column + 16 <= columns; column += 16, x += 64, y += 64) {
    let a = operation.start()
    let b = a
    let c = a
    let d = a
    let at = x
    for (let i = 0; i < rows; i++, at += stride) {
      a = operation.step(a, v128.load(at))
      b = operation.step(b, v128.load(at, 16))
      c = operation.step(c, v128.load(at, 32))
      d = operation.step(d, v128.load(at, 48))
    }
    v128.store(y, a)
    v128.store(y, b, 16)
    v128.store(y, c, 32)
    v128.store(y, d, 48)
  }
  for (; column < columns; column += 4, x += 16, y += 16) {
    let a = operation.start()
    let at = x
    for (let i = 0; i < rows; i++, at += stride) a = operation.step(a, v128.load(at))
    storeLanes(y, a, columns - column)
  }
}

function reduceRow(operation: i32, x: usize, y: usize, count: i32): void {
  switch (operation) {
    case 0: { row<Sum>(x, y, count); break }
    case 1: { row<SumSquare>(x, y, count); break }
    case 2: { row<Max>(x, y, count); break }
    default: unreachable()
  }
}

function reduceColumns(operation: i32, x: usize, y: usize, rows: i32, count: i32, stride: usize): void {
  switch (operation) {
    case 0: { columns<Sum>(x, y, rows, count, stride); break }
    case 1: { columns<SumSquare>(x, y, rows, count, stride); break }
    case 2: { columns<Max>(x, y, rows, count, stride); break }
    default: unreachable()
  }
}

class Reductions {
  @inline row(operation: i32, x: usize, y: usize, count: i32): void { reduceRow(operation, x, y, count) }
  @inline columns(operation: i32, x: usize, y: usize, rows: i32, count: i32, stride: usize): void {
    reduceColumns(operation, x, y, rows, count, stride)
  }
}

/** One pass of a reduction; `R` knows the operations. The order of additions depends on the sizes alone. */
// @ts-ignore: decorator
@inline
export function reduce<R>(p: ReduceParams, tile: i32): void {
  const operations = changetype<R>(<usize>0)
  const inner = p.inner
  const parts = p.parts
  const blocks = (inner + p.block - 1) / p.block
  const last = min((tile + 1) * p.units, p.outer * parts * blocks)
  for (let unit = tile * p.units; unit < last; unit++) {
    const line = unit / blocks
    const column = (unit - line * blocks) * p.block
    const outer = line / parts
    const from = (line - outer * parts) * p.partLength
    const rows = min(p.partLength, p.length - from)
    const x = p.x + (<usize>((outer * p.length + from) * inner + column) << 2)
    const y = p.y + (<usize>(line * inner + column) << 2)
    if (inner == 1) operations.row(p.operation, x, y, rows)
    else operations.columns(p.operation, x, y, rows, min(p.block, inner - column), <usize>inner << 2)
  }
}

export function reduce_f32(p: ReduceParams, tile: i32, thread: i32): void {
  reduce<Reductions>(p, tile)
}
