import { storeLanes } from '../simd'

/**
 * Windows along the depth of volumes as channels. x [images, depth, pixels, groups, channels] to
 * y [images, steps, pixels, groups, taps, channels]: tap t of step s is the plane (start + s stride + t dilation) / spread of x
 * where that is whole and there, else zeros. rows: images x steps.
 */
// @ts-ignore: decorator
@unmanaged
export class UnfoldParams {
  x: usize; y: usize
  rows: i32; chunk: i32
  depth: i32; steps: i32; pixels: i32; groups: i32; taps: i32; channels: i32
  start: i32; stride: i32; dilation: i32; spread: i32
}

export function unfold_f32(p: UnfoldParams, tile: i32, thread: i32): void {
  const to = min((tile + 1) * p.chunk, p.rows)
  const channels = p.channels
  const runs = p.pixels * p.groups
  const planeBytes = <usize>runs * channels << 2
  const runBytes = <usize>channels << 2
  const runStride = runBytes * p.taps
  for (let row = tile * p.chunk; row < to; row++) {
    const image = row / p.steps
    const first = p.start + (row - image * p.steps) * p.stride
    for (let tap = 0; tap < p.taps; tap++) {
      const at = first + tap * p.dilation
      const plane = at / p.spread
      let y = p.y + <usize>row * planeBytes * p.taps + <usize>tap * runBytes
      const isThere = at >= 0 && plane < p.depth && plane * p.spread == at
      let x = p.x + <usize>(image * p.depth + plane) * planeBytes
      for (let run = 0; run < runs; run++, x += runBytes, y += runStride) {
        let i = 0
        for (; i + 4 <= channels; i += 4)
          v128.store(y + (<usize>i << 2), isThere ? v128.load(x + (<usize>i << 2)) : f32x4.splat(0))
        if (i < channels)
          storeLanes(y + (<usize>i << 2), isThere ? v128.load(x + (<usize>i << 2)) : f32x4.splat(0), channels - i)
      }
    }
  }
}
