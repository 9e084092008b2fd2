import { storeLeft } from './simd'
import { firstTap, lastTap } from './window'

/**
 * Windows over channels-last images. Per spatial axis (depth, height, width): input size, output size, kernel, stride,
 * dilation, leading pad. padded: end of the input and its trailing pad, for averages that count the pad.
 * overlap: windows share elements, and a tile of a gradient is `channels` channels of one image; otherwise it is `chunk`
 * output rows. cover: windows without overlap touch every element.
 */
// @ts-ignore: decorator
@unmanaged
export class PoolParams {
  x: usize; y: usize; dy: usize; dx: usize
  rows: i32; chunk: i32; c: i32; channels: i32
  inD: i32; inH: i32; inW: i32
  outD: i32; outH: i32; outW: i32
  kD: i32; kH: i32; kW: i32
  sD: i32; sH: i32; sW: i32
  dD: i32; dH: i32; dW: i32
  pD: i32; pH: i32; pW: i32
  paddedD: i32; paddedH: i32; paddedW: i32
  includePad: i32; overlap: i32; cover: i32
}

// @ts-ignore: decorator
@inline
function combine(a: v128, b: v128, isMax: bool): v128 {
  return isMax ? f32x4.max(a, b) : f32x4.add(a, b)
}

/** Output rows (image, depth, height) of a pool; sums are divided by the number of taps. */
// @ts-ignore: decorator
@inline
function pool(p: PoolParams, tile: i32, isMax: bool): void {
  const to = min((tile + 1) * p.chunk, p.rows)
  const c = p.c
  const pixel = <usize>c << 2
  const inW = p.inW, inH = p.inH, inD = p.inD
  const stepX = p.dW * pixel
  const stepY = <usize>p.dH * inW * pixel
  const stepZ = <usize>p.dD * inH * inW * pixel
  const isQuad = p.kD == 1 && p.kH == 2 && p.kW == 2
  const start = f32x4.splat(isMax ? -Infinity : 0)
  for (let row = tile * p.chunk; row < to; row++) {
    const oh = row % p.outH
    const rest = row / p.outH
    const od = rest % p.outD
    const z = od * p.sD - p.pD
    const y = oh * p.sH - p.pH
    const z0 = firstTap(z, p.dD), z1 = lastTap(z, inD, p.dD, p.kD)
    const y0 = firstTap(y, p.dH), y1 = lastTap(y, inH, p.dH, p.kH)
    const plane = p.x + ((<usize>(rest / p.outD) * inD + z) * inH + y) * inW * pixel
    let out = p.y + <usize>row * p.outW * pixel
    for (let ow = 0; ow < p.outW; ow++, out += pixel) {
      const x = ow * p.sW - p.pW
      const x0 = firstTap(x, p.dW), x1 = lastTap(x, inW, p.dW, p.kW)
      let count = (z1 - z0) * (y1 - y0) * (x1 - x0)
      if (p.includePad)
        count = lastTap(z, p.paddedD, p.dD, p.kD) * lastTap(y, p.paddedH, p.dH, p.kH) * lastTap(x, p.paddedW, p.dW, p.kW)
      const divisor = f32x4.splat(<f32>count)
      const corner = plane + <usize>x * pixel
      if (isQuad && y1 - y0 == 2 && x1 - x0 == 2) {
        for (let i = 0; i < c; i += 4) {
          const at = corner + (<usize>i << 2)
          const a = v128.load(at), b = v128.load(at + stepX)
          const d = v128.load(at + stepY), e = v128.load(at + stepY + stepX)
          const sum = f32x4.add(f32x4.add(a, b), f32x4.add(d, e))
          let value = sum
          if (isMax) {
            value = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(d, e))
            if (v128.any_true(f32x4.ne(sum, sum))) value = f32x4.max(f32x4.max(a, b), f32x4.max(d, e))
          }
          storeLeft(out + (<usize>i << 2), isMax ? value : f32x4.div(value, divisor), c - i)
        }
        continue
      }
      const isTriple = isMax && x1 - x0 == 3 && z1 - z0 == 1
      const first = corner + z0 * stepZ + y0 * stepY + x0 * stepX
      for (let i = 0; i < c; i += 4) {
        if (isTriple) {
          let at = first + (<usize>i << 2)
          let most = start
          let sum = f32x4.splat(0)
          for (let ky = y0; ky < y1; ky++, at += stepY) {
            const a = v128.load(at), b = v128.load(at + stepX), d = v128.load(at + 2 * stepX)
            most = f32x4.pmax(most, f32x4.pmax(a, f32x4.pmax(b, d)))
            sum = f32x4.add(sum, f32x4.add(a, f32x4.add(b, d)))
          }
          if (!v128.any_true(f32x4.ne(sum, sum))) {
            storeLeft(out + (<usize>i << 2), most, c - i)
            continue
          }
        } else if (isMax) {
          // pmax is a seventh of the cost of max, but may lose a NaN: a sum of all taps tells whether there may be one.
          let most = start
          let sum = f32x4.splat(0)
          for (let kz = z0; kz < z1; kz++)
            for (let ky = y0; ky < y1; ky++) {
              let at = corner + kz * stepZ + ky * stepY + x0 * stepX + (<usize>i << 2)
              for (let kx = x0; kx < x1; kx++, at += stepX) {
                const tap = v128.load(at)
                most = f32x4.pmax(most, tap)
                sum = f32x4.add(sum, tap)
              }
            }
          if (!v128.any_true(f32x4.ne(sum, sum))) {
            storeLeft(out + (<usize>i << 2), most, c - i)
            continue
          }
        }
        let value = start
        for (let kz = z0; kz < z1; kz++)
          for (let ky = y0; ky < y1; ky++) {
            let at = corner + kz * stepZ + ky * stepY + x0 * stepX + (<usize>i << 2)
            for (let kx = x0; kx < x1; kx++, at += stepX) value = combine(value, v128.load(at), isMax)
          }
        storeLeft(out + (<usize>i << 2), isMax ? value : f32x4.div(value, divisor), c - i)
      }
    }
  }
}

/** y = the maximum of each window of x; NaN is larger than all. */
export function max_pool_f32(p: PoolParams, tile: i32, thread: i32): void {
  pool(p, tile, true)
}

/** y = the mean of each window of x. */
export function average_pool_f32(p: PoolParams, tile: i32, thread: i32): void {
  pool(p, tile, false)
}

// @ts-ignore: decorator
@unmanaged
export class PlanePoolParams { x: usize; y: usize; planes: i32; size: i32; chunk: i32 }

/** One value for each of `planes` contiguous planes of `size` elements: lanes, then the lanes together, then the rest, in order. */
// @ts-ignore: decorator
@inline
function plane(p: PlanePoolParams, tile: i32, isMax: bool): void {
  const to = min((tile + 1) * p.chunk, p.planes)
  const size = p.size
  for (let i = tile * p.chunk; i < to; i++) {
    const x = p.x + (<usize>i * size << 2)
    let a = f32x4.splat(isMax ? -Infinity : 0)
    let b = a
    let k = 0
    for (; k + 8 <= size; k += 8) {
      a = combine(a, v128.load(x + (<usize>k << 2)), isMax)
      b = combine(b, v128.load(x + (<usize>k << 2), 16), isMax)
    }
    a = combine(a, b, isMax)
    a = combine(a, v128.shuffle<i32>(a, a, 2, 3, 0, 1), isMax)
    a = combine(a, v128.shuffle<i32>(a, a, 1, 0, 3, 2), isMax)
    let value = f32x4.extract_lane(a, 0)
    for (; k < size; k++) {
      const next = load<f32>(x + (<usize>k << 2))
      value = isMax ? max<f32>(value, next) : value + next
    }
    store<f32>(p.y + (<usize>i << 2), isMax ? value : value / <f32>size)
  }
}

/** GlobalMaxPool of channels-first images. */
export function global_max_pool_f32(p: PlanePoolParams, tile: i32, thread: i32): void {
  plane(p, tile, true)
}

/** GlobalAveragePool of channels-first images. */
export function global_average_pool_f32(p: PlanePoolParams, tile: i32, thread: i32): void {
  plane(p, tile, false)
}
