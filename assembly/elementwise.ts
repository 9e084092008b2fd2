import { unary } from './activation'

// @ts-ignore: decorator
@unmanaged
export class UnaryParams { x: usize; y: usize; size: i32; chunk: i32; kind: i32; alpha: f32; beta: f32 }

/** y = kind(x) on float32; `kind` is a number of src/backend/wasm/activations.ts. */
export function unary_f32(p: UnaryParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const offset = <usize>from << 2
  unary(p.kind, p.x + offset, p.y + offset, min(p.chunk, p.size - from), p.alpha, p.beta)
}

/** y = min(max(x, low), high); `low` and `high` point to scalars, or are 0 where there is no bound. */
// @ts-ignore: decorator
@unmanaged
export class ClipParams { x: usize; low: usize; high: usize; y: usize; size: i32; chunk: i32 }

export function clip_f32(p: ClipParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const offset = <usize>from << 2
  const low: f32 = p.low ? load<f32>(p.low) : f32.NEGATIVE_INFINITY
  const high: f32 = p.high ? load<f32>(p.high) : f32.POSITIVE_INFINITY
  unary(16, p.x + offset, p.y + offset, min(p.chunk, p.size - from), low, high)
}
