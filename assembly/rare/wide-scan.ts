import { bytesOfType } from './scalar'
import { applyBlock, BLOCK, BLOCK_BYTES, isReal, isWide, narrow, widen } from './wide'

/**
 * x [outer, length, inner] of `type`. A unit is one outer index, over `block` columns of `inner`; a tile is `units` units in that order.
 * `scratch`: three blocks for each thread, `scratchBytes` apart.
 */
// @ts-ignore: decorator
@unmanaged
export class CumulativeParams { x: usize; y: usize; scratch: usize; scratchBytes: i32; outer: i32; length: i32; inner: i32; block: i32; units: i32; type: i32; product: i32; exclusive: i32; reverse: i32 }

/** Running totals of `count` wide elements from x on, `step` bytes apart, in place, from `total` on. Returns that of all. */
// @ts-ignore: decorator
@inline
function scan<T>(x: usize, count: i32, step: usize, total: T, product: bool, exclusive: bool): T {
  for (let i = 0; i < count; i++, x += step) {
    const element = load<T>(x)
    const next = product ? <T>(total * element) : <T>(total + element)
    store<T>(x, exclusive ? total : next)
    total = next
  }
  return total
}

/** A line of contiguous elements. */
function scanLine(p: CumulativeParams, block: usize, x: usize, y: usize): void {
  const type = p.type, length = p.length
  const bytes = <usize>bytesOfType(type)
  const step: usize = p.reverse ? -8 : 8
  let real = <f64>p.product
  let whole = <i64>p.product
  for (let done = 0; done < length; done += BLOCK) {
    const count = min(BLOCK, length - done)
    const at = <usize>(p.reverse ? length - done - count : done) * bytes
    widen(block, x + at, type, count)
    const first = p.reverse ? block + (<usize>(count - 1) << 3) : block
    if (isReal(type)) {
      if (p.product) real = scan<f64>(first, count, step, real, true, p.exclusive != 0)
      else real = scan<f64>(first, count, step, real, false, p.exclusive != 0)
    } else if (p.product) whole = scan<i64>(first, count, step, whole, true, p.exclusive != 0)
    else whole = scan<i64>(first, count, step, whole, false, p.exclusive != 0)
    narrow(y + at, block, type, type, count)
  }
}

/** Lines side by side: a row of totals. */
function scanColumns(p: CumulativeParams, block: usize, x: usize, y: usize, columns: i32): void {
  const type = p.type, operation = p.product ? 2 : 0
  const row = <usize>(p.inner * bytesOfType(type))
  const total = block + BLOCK_BYTES
  for (let i = 0; i < columns; i++) {
    const at = total + (<usize>i << 3)
    if (isReal(type)) store<f64>(at, p.product)
    else store<i64>(at, p.product)
  }
  for (let i = 0; i < p.length; i++) {
    const at = <usize>(p.reverse ? p.length - 1 - i : i) * row
    widen(block, x + at, type, columns)
    if (p.exclusive) narrow(y + at, total, type, type, columns)
    applyBlock(operation, total, total, block, type, columns)
    if (!p.exclusive) narrow(y + at, total, type, type, columns)
  }
}

/** Running sums or products along `length`: of floats in float64, of integers, which wrap. */
export function cumulative(p: CumulativeParams, tile: i32, thread: i32): void {
  const inner = p.inner
  const bytes = <usize>bytesOfType(p.type)
  const scratch = p.scratch + <usize>thread * p.scratchBytes
  const blocks = (inner + p.block - 1) / p.block
  const last = min((tile + 1) * p.units, p.outer * blocks)
  for (let unit = tile * p.units; unit < last; unit++) {
    const outer = unit / blocks
    const column = (unit - outer * blocks) * p.block
    const at = <usize>(outer * p.length * inner + column) * bytes
    if (inner == 1) scanLine(p, scratch, p.x + at, p.y + at)
    else scanColumns(p, scratch, p.x + at, p.y + at, min(p.block, inner - column))
  }
}

/** x as in CumulativeParams, y [outer, inner] int64. `least` 1 asks for the least; `last` 1 takes the last among equals. */
// @ts-ignore: decorator
@unmanaged
export class WideArgumentParams { x: usize; y: usize; scratch: usize; scratchBytes: i32; outer: i32; length: i32; inner: i32; block: i32; units: i32; type: i32; least: i32; last: i32 }

/** Looks for what is better than the best so far, `best`, among `count` wide elements at x. Returns its index, or -1. */
// @ts-ignore: decorator
@inline
function find<T>(x: usize, count: i32, best: usize, least: bool, last: bool): i32 {
  let value = load<T>(best)
  let found = -1
  for (let i = 0; i < count; i++, x += 8) {
    const element = load<T>(x)
    if ((least ? element < value : element > value) || (last && element == value)) {
      value = element
      found = i
    }
  }
  store<T>(best, value)
  return found
}

function findLine(p: WideArgumentParams, block: usize, x: usize, y: usize): void {
  const type = p.type, least = p.least != 0, last = p.last != 0
  const best = block + BLOCK_BYTES
  widen(best, x, type, 1)
  let found = 0
  for (let i = 0; i < p.length; i += BLOCK) {
    const count = min(BLOCK, p.length - i)
    const at = x + <usize>(i * bytesOfType(type))
    if (!isWide(type)) widen(block, at, type, count)
    const source = isWide(type) ? at : block
    let better: i32
    if (isReal(type)) better = find<f64>(source, count, best, least, last)
    else if (type == 7) better = find<u64>(source, count, best, least, last)
    else better = find<i64>(source, count, best, least, last)
    if (better >= 0) found = i + better
  }
  store<i64>(y, found)
}

function findColumns(p: WideArgumentParams, block: usize, x: usize, y: usize, columns: i32): void {
  const type = p.type
  const row = <usize>(p.inner * bytesOfType(type))
  const best = block + BLOCK_BYTES, mask = best + BLOCK_BYTES
  const operation = (p.least ? 16 : 14) + p.last
  widen(best, x, type, columns)
  memory.fill(y, 0, <usize>columns << 3)
  for (let i = 1; i < p.length; i++) {
    x += row
    if (!isWide(type)) widen(block, x, type, columns)
    const source = isWide(type) ? x : block
    applyBlock(operation, mask, source, best, type, columns)
    const index = i64x2.splat(i)
    for (let j = 0; j < columns; j += 2) {
      const at = <usize>j << 3
      const better = v128.load(mask + at)
      v128.store(best + at, v128.bitselect(v128.load(source + at), v128.load(best + at), better))
      const found = v128.bitselect(index, v128.load(y + at), better)
      if (j + 2 <= columns) v128.store(y + at, found)
      else v128.store64_lane(y + at, found, 0)
    }
  }
}

/** The index of the extremum along `length`; a NaN is one where it comes first. */
export function wide_argument(p: WideArgumentParams, tile: i32, thread: i32): void {
  const inner = p.inner
  const bytes = <usize>bytesOfType(p.type)
  const scratch = p.scratch + <usize>thread * p.scratchBytes
  const blocks = (inner + p.block - 1) / p.block
  const last = min((tile + 1) * p.units, p.outer * blocks)
  for (let unit = tile * p.units; unit < last; unit++) {
    const outer = unit / blocks
    const column = (unit - outer * blocks) * p.block
    const x = p.x + <usize>(outer * p.length * inner + column) * bytes
    const y = p.y + (<usize>(outer * inner + column) << 3)
    if (inner == 1) findLine(p, scratch, x, y)
    else findColumns(p, scratch, x, y, min(p.block, inner - column))
  }
}
