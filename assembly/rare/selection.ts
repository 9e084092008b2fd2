import { bytesOfType, loadInteger } from './scalar'

// Types are those of scalar.ts. Lines run along an axis: element i of line l of x [outer, length, step] is
// (l / step * length + i) * step + l % step.

/** The `k` first of lines in descending order, or ascending where `largest` is 0. `workspace`: 16 k bytes a tile. */
// @ts-ignore: decorator
@unmanaged
export class TopKParams { x: usize; values: usize; indices: usize; workspace: usize; lines: i32; chunk: i32; length: i32; step: i32; k: i32; type: i32; largest: i32 }

/** A number in the order of the elements; NaN is larger than all, zeros are equal. */
function orderOf(address: usize, type: i32): i64 {
  if (type == 8) {
    const value = load<f32>(address)
    if (value != value) return i64.MAX_VALUE
    const bits = reinterpret<i32>(value + 0)
    return <i64>(bits ^ ((bits >> 31) & i32.MAX_VALUE))
  }
  if (type == 9) {
    const value = load<f64>(address)
    if (value != value) return i64.MAX_VALUE
    const bits = reinterpret<i64>(value + 0)
    return bits ^ ((bits >> 63) & i64.MAX_VALUE)
  }
  return type == 7 ? load<i64>(address) ^ i64.MIN_VALUE : loadInteger(address, type)
}

/** Whether entry a (a key, then an index) comes after entry b: by key, then by index. */
// @ts-ignore: decorator
@inline
function isAfter(a: usize, b: usize): bool {
  const ka = load<i64>(a), kb = load<i64>(b)
  return ka < kb || (ka == kb && load<i32>(a, 8) > load<i32>(b, 8))
}

// @ts-ignore: decorator
@inline
function exchange(a: usize, b: usize): void {
  const entry = v128.load(a)
  v128.store(a, v128.load(b))
  v128.store(b, entry)
}

/** Lets entry `at` of a heap of `count` sink below entries that come after it. */
function sink(heap: usize, at: i32, count: i32): void {
  while (true) {
    let child = 2 * at + 1
    if (child >= count) return
    if (child + 1 < count && isAfter(heap + (<usize>(child + 1) << 4), heap + (<usize>child << 4))) child++
    if (!isAfter(heap + (<usize>child << 4), heap + (<usize>at << 4))) return
    exchange(heap + (<usize>child << 4), heap + (<usize>at << 4))
    at = child
  }
}

/** A heap keeps the first k so far, the last of them on top; then it is sorted. */
export function top_k(p: TopKParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.lines)
  const k = p.k, type = p.type
  const bytes = <usize>bytesOfType(type)
  const heap = p.workspace + (<usize>tile * k << 4)
  const turn: i64 = p.largest ? 0 : -1
  for (let line = tile * p.chunk; line < end; line++) {
    const outer = line / p.step, inner = line % p.step
    const x = p.x + <usize>(outer * p.length * p.step + inner) * bytes
    for (let i = 0; i < p.length; i++) {
      const key = orderOf(x + <usize>(i * p.step) * bytes, type) ^ turn
      const slot = i < k ? i : 0
      if (i >= k && key <= load<i64>(heap)) continue
      store<i64>(heap + (<usize>slot << 4), key)
      store<i32>(heap + (<usize>slot << 4), i, 8)
      if (i >= k) sink(heap, 0, k)
      else if (i == k - 1) for (let at = (k >> 1) - 1; at >= 0; at--) sink(heap, at, k)
    }
    for (let count = k - 1; count > 0; count--) {
      exchange(heap, heap + (<usize>count << 4))
      sink(heap, 0, count)
    }
    for (let i = 0; i < k; i++) {
      const index = load<i32>(heap + (<usize>i << 4), 8)
      const at = <usize>((outer * k + i) * p.step + inner)
      store<i64>(p.indices + (at << 3), <i64>index)
      memory.copy(p.values + at * bytes, x + <usize>(index * p.step) * bytes, bytes)
    }
  }
}

/** `rows` rows of matrices of `height` rows of `columns` elements; `diagonal` lies that many columns right of the main one. */
// @ts-ignore: decorator
@unmanaged
export class TriluParams { x: usize; y: usize; rows: i32; chunk: i32; height: i32; columns: i32; elementBytes: i32; diagonal: i32; upper: i32 }

/** y = x above (or below) the diagonal and on it, zeros elsewhere; x and y are the same or disjoint. */
export function trilu(p: TriluParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.rows)
  const bytes = <usize>p.elementBytes
  const columns = p.columns
  for (let row = tile * p.chunk; row < end; row++) {
    const diagonal = row % p.height + p.diagonal
    const from = p.upper ? min(max(diagonal, 0), columns) : 0
    const to = p.upper ? columns : min(max(diagonal + 1, 0), columns)
    const at = <usize>row * columns * bytes
    memory.copy(p.y + at + from * bytes, p.x + at + from * bytes, (to - from) * bytes)
    memory.fill(p.y + at, 0, from * bytes)
    memory.fill(p.y + at + to * bytes, 0, (columns - to) * bytes)
  }
}

/** Indices [outer, inner] of an integer `type` or float32, `size` of them; `values` points to two elements of `elementBytes`: off, on. */
// @ts-ignore: decorator
@unmanaged
export class OneHotParams { indices: usize; values: usize; y: usize; size: i32; chunk: i32; depth: i32; inner: i32; type: i32; elementBytes: i32 }

// @ts-ignore: decorator
@inline
function oneHot<T>(p: OneHotParams, from: i32, to: i32): void {
  const off = load<T>(p.values), on = load<T>(p.values, sizeof<T>())
  const step = <usize>p.inner * sizeof<T>()
  const bytes = <usize>bytesOfType(p.type)
  for (let i = from; i < to; i++) {
    const at = p.indices + <usize>i * bytes
    let hot = p.type == 8 ? <i64>load<f32>(at) : loadInteger(at, p.type)
    if (hot < 0) hot += p.depth
    let y = p.y + <usize>(i / p.inner * p.depth * p.inner + i % p.inner) * sizeof<T>()
    for (let place = 0; place < p.depth; place++, y += step) store<T>(y, place == hot ? on : off)
  }
}

/** y [outer, depth, inner] = on where the index is the place along depth, off elsewhere. Negative indices count from the end. */
export function one_hot(p: OneHotParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk, to = min(from + p.chunk, p.size)
  switch (p.elementBytes) {
    case 1: { oneHot<u8>(p, from, to); break }
    case 2: { oneHot<u16>(p, from, to); break }
    case 4: { oneHot<u32>(p, from, to); break }
    default: oneHot<u64>(p, from, to)
  }
}
