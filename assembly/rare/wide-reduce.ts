import { bytesOfType } from './scalar'
import { applyBlock, BLOCK, BLOCK_BYTES, isReal, isWide, narrow, widen } from './wide'

/**
 * As ReduceParams, from elements of `type` to elements of `yType`. `before`: an operation that is applied to each element and itself, or -1;
 * `operation` joins two results. `scratch`: two blocks for each thread, `scratchBytes` apart.
 */
// @ts-ignore: decorator
@unmanaged
export class WideReduceParams { x: usize; y: usize; scratch: usize; scratchBytes: i32; outer: i32; length: i32; inner: i32; parts: i32; partLength: i32; block: i32; units: i32; before: i32; operation: i32; type: i32; yType: i32 }

/** The block that holds the elements at x, after the first operation: x itself or `block`. */
// @ts-ignore: decorator
@inline
function take(p: WideReduceParams, block: usize, x: usize, count: i32): usize {
  if (!isWide(p.type)) widen(block, x, p.type, count)
  const source = isWide(p.type) ? x : block
  if (p.before < 0) return source
  applyBlock(p.before, block, source, source, p.type, count)
  return block
}

/** The first element of a block of `count` = all of them joined. */
function fold(p: WideReduceParams, block: usize, count: i32): void {
  while (count > 1) {
    const half = count >> 1
    const kept = count - half
    applyBlock(p.operation, block, block, block + (<usize>kept << 3), p.type, half)
    count = kept
  }
}

/** One pass of a reduction of integers, which wrap, or of floats in float64. No part is empty. */
export function wide_reduce(p: WideReduceParams, tile: i32, thread: i32): void {
  const inner = p.inner, parts = p.parts, type = p.type
  const bytes = <usize>bytesOfType(type), yBytes = <usize>bytesOfType(p.yType)
  const block = p.scratch + <usize>thread * p.scratchBytes
  const total = block + BLOCK_BYTES
  const blocks = (inner + p.block - 1) / p.block
  const last = min((tile + 1) * p.units, p.outer * parts * blocks)
  for (let unit = tile * p.units; unit < last; unit++) {
    const line = unit / blocks
    const column = (unit - line * blocks) * p.block
    const outer = line / parts
    const from = (line - outer * parts) * p.partLength
    const rows = min(p.partLength, p.length - from)
    const columns = min(p.block, inner - column)
    let x = p.x + <usize>((outer * p.length + from) * inner + column) * bytes
    // A contiguous row is taken block by block, columns row by row, onto the results so far.
    const step = inner == 1 ? BLOCK : 1
    const width = inner == 1 ? min(BLOCK, rows) : columns
    memory.copy(total, take(p, block, x, width), <usize>width << 3)
    for (let row = step; row < rows; row += step) {
      x += <usize>(step * inner) * bytes
      const count = inner == 1 ? min(BLOCK, rows - row) : columns
      applyBlock(p.operation, total, total, take(p, block, x, count), type, count)
    }
    if (inner == 1) fold(p, total, width)
    narrow(p.y + <usize>(line * inner + column) * yBytes, total, type, p.yType, inner == 1 ? 1 : columns)
  }
}
