import { unary } from './activation'

// @ts-ignore: decorator
@unmanaged
export class UnaryParams { x: usize; y: usize; size: i32; chunk: i32; kind: i32; alpha: f32; beta: f32 }

/** y = kind(x); `kind` is a number of src/backend/wasm/activations.ts. */
export function unary_f32(p: UnaryParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const offset = <usize>from << 2
  unary(p.kind, p.x + offset, p.y + offset, min(p.chunk, p.size - from), p.alpha, p.beta)
}
