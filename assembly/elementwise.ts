// @ts-ignore: decorator
@unmanaged
export class ReluParams { x: usize; y: usize; size: i32; chunk: i32 }

export function relu_f32(p: ReluParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const to = min(from + p.chunk, p.size)
  for (let i = from; i < to; i++) store<f32>(p.y + (<usize>i << 2), max<f32>(0, load<f32>(p.x + (<usize>i << 2))))
}
