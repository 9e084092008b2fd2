// @ts-ignore: decorator
@unmanaged
export class CopyParams { from: usize; to: usize; bytes: u32; chunk: u32 }

/** Copies `bytes` bytes, `chunk` a tile; the stretches do not overlap. */
export function copy_bytes(p: CopyParams, tile: i32, thread: i32): void {
  const start = <u32>tile * p.chunk
  memory.copy(p.to + start, p.from + start, min(p.chunk, p.bytes - start))
}
