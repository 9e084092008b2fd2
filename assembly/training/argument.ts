/** x [outer, length, inner] -> y [outer, inner] int64. `sign` -1 asks for the least; `last` 1 takes the last among equals. */
// @ts-ignore: decorator
@unmanaged
export class ArgumentParams { x: usize; y: usize; size: i32; chunk: i32; length: i32; inner: i32; sign: f32; last: i32 }

/** The index of the extremum along `length`; a tile is `chunk` output elements. */
export function argument_f32(p: ArgumentParams, tile: i32, thread: i32): void {
  const inner = p.inner
  const stride = <usize>inner << 2
  const to = min((tile + 1) * p.chunk, p.size)
  for (let i = tile * p.chunk; i < to; i++) {
    const outer = i / inner
    let x = p.x + (<usize>(outer * p.length * inner + (i - outer * inner)) << 2)
    let best = load<f32>(x) * p.sign
    let found = 0
    for (let k = 1; k < p.length; k++) {
      x += stride
      const value = load<f32>(x) * p.sign
      if (value > best || (p.last && value == best)) {
        best = value
        found = k
      }
    }
    store<i64>(p.y + (<usize>i << 3), found)
  }
}
