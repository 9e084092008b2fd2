import { rowOffset } from '../binary'
import { bytesOfType } from './scalar'
import { applyBlock, BLOCK, BLOCK_BYTES, isReal, isWide, narrow, narrowMasks, repeat, widen } from './wide'

/**
 * As BinaryParams, on elements of `type`; results are of `yType`, the same, another that they are converted to, or for comparisons
 * bool. Where b is 0, the second operand is `immediate`. `scratch`: three blocks for each thread, `scratchBytes` apart.
 */
// @ts-ignore: decorator
@unmanaged
export class WideParams { a: usize; b: usize; y: usize; scratch: usize; scratchBytes: i32; size: i32; chunk: i32; operation: i32; inner: i32; aStep: i32; bStep: i32; rank: i32; type: i32; yType: i32; immediate: i32 }

/** y = operation(a, b), broadcast, on integers of any type or float64; integers wrap. A division by 0 is told to the host. */
export function wide_binary(p: WideParams, tile: i32, thread: i32): void {
  const dims = changetype<usize>(p) + offsetof<WideParams>()
  const words = <usize>p.rank << 2
  const inner = p.inner, type = p.type, yType = p.yType, aStep = p.aStep, bStep = p.bStep
  const bytes = <usize>bytesOfType(type), yBytes = <usize>bytesOfType(yType)
  const blockA = p.scratch + <usize>thread * p.scratchBytes
  const blockB = blockA + BLOCK_BYTES, blockY = blockB + BLOCK_BYTES
  const isDirect = isWide(type)
  const isInPlace = isWide(yType) && isReal(type) == isReal(yType)
  const immediate = p.b == 0
  if (immediate) {
    for (let i = 0; i < BLOCK; i++)
      if (isReal(type)) store<f64>(blockB + (<usize>i << 3), p.immediate)
      else store<i64>(blockB + (<usize>i << 3), p.immediate)
  }
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / inner
    const column = at - row * inner
    const end = at + min(inner - column, to - at)
    let a = p.a + (<usize>rowOffset(dims, dims + words, p.rank, row) + column * aStep) * bytes
    let b = immediate ? <usize>0 : p.b + (<usize>rowOffset(dims, dims + 2 * words, p.rank, row) + column * bStep) * bytes
    if (!aStep) repeat(blockA, a, type, min(end - at, BLOCK))
    if (!bStep && !immediate) repeat(blockB, b, type, min(end - at, BLOCK))
    while (at < end) {
      const count = min(BLOCK, end - at)
      const y = p.y + <usize>at * yBytes
      if (aStep && !isDirect) widen(blockA, a, type, count)
      if (bStep && !isDirect) widen(blockB, b, type, count)
      const left = aStep && isDirect ? a : blockA
      const right = bStep && isDirect ? b : blockB
      applyBlock(p.operation, isInPlace ? y : blockY, left, right, type, count)
      if (yType == 10) narrowMasks(y, blockY, count)
      else if (!isInPlace) narrow(y, blockY, type, yType, count)
      at += count
      a += <usize>(count * aStep) * bytes
      b += <usize>(count * bStep) * bytes
    }
  }
}

// @ts-ignore: decorator
@unmanaged
export class ConvertParams { x: usize; y: usize; scratch: usize; scratchBytes: i32; size: i32; chunk: i32; from: i32; to: i32 }

/** y = x as another type. Floats go to integers toward zero; out of range the result is unspecified. */
export function convert_any(p: ConvertParams, tile: i32, thread: i32): void {
  const from = p.from, to = p.to
  const end = min((tile + 1) * p.chunk, p.size)
  const block = p.scratch + <usize>thread * p.scratchBytes
  for (let i = tile * p.chunk; i < end; i += BLOCK) {
    const count = min(BLOCK, end - i)
    const x = p.x + <usize>i * bytesOfType(from)
    const y = p.y + <usize>i * bytesOfType(to)
    if (!isWide(from)) widen(block, x, from, count)
    narrow(y, isWide(from) ? x : block, from, to, count)
  }
}

/** The list holds 256 elements of `elementBytes` (1, 2, 4 or 8) bytes. */
// @ts-ignore: decorator
@unmanaged
export class LookupParams { x: usize; y: usize; size: i32; chunk: i32; elementBytes: i32 }

/** y = the table's element for each byte of x. */
export function lookup_b8(p: LookupParams, tile: i32, thread: i32): void {
  const table = changetype<usize>(p) + offsetof<LookupParams>()
  const end = min((tile + 1) * p.chunk, p.size)
  const bytes = <usize>p.elementBytes
  for (let i = tile * p.chunk; i < end; i++) {
    const element = table + load<u8>(p.x + <usize>i) * bytes
    const y = p.y + <usize>i * bytes
    switch (p.elementBytes) {
      case 1: { store<u8>(y, load<u8>(element)); break }
      case 2: { store<u16>(y, load<u16>(element)); break }
      case 4: { store<u32>(y, load<u32>(element)); break }
      default: store<u64>(y, load<u64>(element))
    }
  }
}
