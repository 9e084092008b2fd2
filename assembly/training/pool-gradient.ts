import { PoolParams } from '../pool'
import { storeLeft } from '../simd'
import { firstTap, lastTap } from '../window'

/** Lanes where x is the maximum y, NaN being the largest of all. */
// @ts-ignore: decorator
@inline
function isMaximum(x: v128, y: v128): v128 {
  return v128.or(f32x4.eq(x, y), f32x4.ne(x, x))
}

/** Spreads the gradients of one output row over channels [from, to) of its windows. */
// @ts-ignore: decorator
@inline
function spreadRow(p: PoolParams, row: i32, from: i32, to: i32, isMax: bool, overlap: bool): void {
  const pixel = <usize>p.c << 2
  const inW = p.inW, inH = p.inH, inD = p.inD
  const stepX = p.dW * pixel
  const stepY = <usize>p.dH * inW * pixel
  const stepZ = <usize>p.dD * inH * inW * pixel
  const rest = row / p.outH
  const z = rest % p.outD * p.sD - p.pD
  const y = row % p.outH * p.sH - p.pH
  const z0 = firstTap(z, p.dD), z1 = lastTap(z, inD, p.dD, p.kD)
  const y0 = firstTap(y, p.dH), y1 = lastTap(y, inH, p.dH, p.kH)
  const plane = ((<usize>(rest / p.outD) * inD + z) * inH + y) * inW * pixel
  let out = <usize>row * p.outW * pixel
  const isQuad = !overlap && p.kD == 1 && p.kH == 2 && p.kW == 2
  const toX = p.x - p.dx
  for (let ow = 0; ow < p.outW; ow++, out += pixel) {
    const x = ow * p.sW - p.pW
    const x0 = firstTap(x, p.dW), x1 = lastTap(x, inW, p.dW, p.kW)
    let count = (z1 - z0) * (y1 - y0) * (x1 - x0)
    if (p.includePad)
      count = lastTap(z, p.paddedD, p.dD, p.kD) * lastTap(y, p.paddedH, p.dH, p.kH) * lastTap(x, p.paddedW, p.dW, p.kW)
    const divisor = f32x4.splat(<f32>count)
    const corner = p.dx + plane + <usize>x * pixel
    if (isQuad && y1 - y0 == 2 && x1 - x0 == 2) {
      for (let i = from; i < to; i += 4) {
        const at = corner + (<usize>i << 2)
        const dy = v128.load(p.dy + out + (<usize>i << 2))
        if (isMax) {
          const max = v128.load(p.y + out + (<usize>i << 2))
          const source = at + toX
          const a = isMaximum(v128.load(source), max)
          const b = isMaximum(v128.load(source + stepX), max)
          const ab = v128.or(a, b)
          const d = isMaximum(v128.load(source + stepY), max)
          const abd = v128.or(ab, d)
          const e = isMaximum(v128.load(source + stepY + stepX), max)
          storeLeft(at, v128.and(dy, a), to - i)
          storeLeft(at + stepX, v128.andnot(v128.and(dy, b), a), to - i)
          storeLeft(at + stepY, v128.andnot(v128.and(dy, d), ab), to - i)
          storeLeft(at + stepY + stepX, v128.andnot(v128.and(dy, e), abd), to - i)
        } else {
          const share = f32x4.div(dy, divisor)
          storeLeft(at, share, to - i)
          storeLeft(at + stepX, share, to - i)
          storeLeft(at + stepY, share, to - i)
          storeLeft(at + stepY + stepX, share, to - i)
        }
      }
      continue
    }
    for (let i = from; i < to; i += 4) {
      const dy = v128.load(p.dy + out + (<usize>i << 2))
      let open = i32x4.splat(-1)
      const max = isMax ? v128.load(p.y + out + (<usize>i << 2)) : f32x4.div(dy, divisor)
      for (let kz = z0; kz < z1; kz++)
        for (let ky = y0; ky < y1; ky++) {
          let at = corner + kz * stepZ + ky * stepY + x0 * stepX + (<usize>i << 2)
          for (let kx = x0; kx < x1; kx++, at += stepX) {
            let share = max
            if (isMax) {
              const hit = v128.and(isMaximum(v128.load(at + toX), max), open)
              open = v128.andnot(open, hit)
              share = v128.and(dy, hit)
            }
            storeLeft(at, overlap ? f32x4.add(v128.load(at), share) : share, to - i)
          }
        }
    }
  }
}

/** The first input row (or plane) that window `o` of `count` owns, where windows do not overlap. */
// @ts-ignore: decorator
@inline
function owned(o: i32, count: i32, stride: i32, pad: i32, size: i32): i32 {
  return o == 0 ? 0 : o == count ? size : min(max(o * stride - pad, 0), size)
}

// @ts-ignore: decorator
@inline
function gradient(p: PoolParams, tile: i32, isMax: bool): void {
  const pixel = <usize>p.c << 2
  const line = pixel * p.inW
  if (p.overlap) {
    const blocks = (p.c + p.channels - 1) / p.channels
    const image = tile / blocks
    const from = tile % blocks * p.channels
    const to = min(from + p.channels, p.c)
    const pixels = p.inD * p.inH * p.inW
    let at = p.dx + <usize>image * pixels * pixel + (<usize>from << 2)
    if (blocks == 1) memory.fill(at, 0, pixels * pixel)
    else for (let i = 0; i < pixels; i++, at += pixel) memory.fill(at, 0, <usize>(to - from) << 2)
    const rows = p.outD * p.outH
    for (let row = image * rows; row < (image + 1) * rows; row++) spreadRow(p, row, from, to, isMax, true)
    return
  }
  const end = min((tile + 1) * p.chunk, p.rows)
  for (let row = tile * p.chunk; row < end; row++) {
    if (!p.cover) {
      const rest = row / p.outH
      const oh = row % p.outH
      const od = rest % p.outD
      const y0 = owned(oh, p.outH, p.sH, p.pH, p.inH), y1 = owned(oh + 1, p.outH, p.sH, p.pH, p.inH)
      const z1 = owned(od + 1, p.outD, p.sD, p.pD, p.inD)
      for (let z = owned(od, p.outD, p.sD, p.pD, p.inD); z < z1; z++)
        memory.fill(p.dx + ((<usize>(rest / p.outD) * p.inD + z) * p.inH + y0) * line, 0, (y1 - y0) * line)
    }
    spreadRow(p, row, 0, p.c, isMax, false)
  }
}

/** dx: the first maximum of each window, in row-major order, takes dy. */
export function max_pool_gradient_f32(p: PoolParams, tile: i32, thread: i32): void {
  gradient(p, tile, true)
}

/** dx: each element of a window takes its share of dy. */
export function average_pool_gradient_f32(p: PoolParams, tile: i32, thread: i32): void {
  gradient(p, tile, false)
}
