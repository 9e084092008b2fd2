import { storeLeft } from '../simd'
import { firstTap, lastTap, windowsBefore, windowsUntil } from '../window'

/**
 * Windows over channels-first images: x [planes, inD, inH, inW] to y [planes, outD, outH, outW]; most fields as in PoolParams.
 * rows: output rows of all planes, `chunk` of them a tile, made by `segment` outputs at a time: the taps along depth and
 * height of all columns that these see go into one row in the thread's scratch memory, with as many more as lie in the pads.
 */
// @ts-ignore: decorator
@unmanaged
export class PoolPlanesParams {
  x: usize; y: usize; scratch: usize; scratchBytes: i32
  rows: i32; chunk: i32; segment: i32
  inD: i32; inH: i32; inW: i32
  outD: i32; outH: i32; outW: i32
  kD: i32; kH: i32; kW: i32
  sD: i32; sH: i32; sW: i32
  dD: i32; dH: i32; dW: i32
  pD: i32; pH: i32; pW: i32
  paddedD: i32; paddedH: i32; paddedW: i32
  includePad: i32; isMax: i32
}

/** Maxima by pmax, which may lose a NaN; maxima by max, which costs seven times as much; sums. */
const QUICK: i32 = 0
const EXACT: i32 = 1
const SUM: i32 = 2

// @ts-ignore: decorator
@inline
function combine(a: v128, b: v128, mode: i32): v128 {
  return mode == SUM ? f32x4.add(a, b) : mode == EXACT ? f32x4.max(a, b) : f32x4.pmax(a, b)
}

/**
 * row[0 … columns) = the `planes` x `taps` elements from `x` on, `stepZ` and `stepY` apart, together; writes up to 7 elements
 * more. Lanes of the result are not 0 where a NaN may be among the elements (QUICK only).
 */
// @ts-ignore: decorator
@inline
function gather(
  row: usize, x: usize, columns: i32, planes: i32, taps: i32, stepZ: usize, stepY: usize, mode: i32,
): v128 {
  const start = f32x4.splat(mode == SUM ? 0 : -Infinity)
  let suspects = i32x4.splat(0)
  for (let i = 0; i < columns; i += 8, x += 32, row += 32) {
    let a = start, b = start
    let sumA = f32x4.splat(0), sumB = sumA
    let plane = x
    for (let z = 0; z < planes; z++, plane += stepZ) {
      let at = plane
      for (let y = 0; y < taps; y++, at += stepY) {
        const c = v128.load(at), d = v128.load(at, 16)
        a = combine(a, c, mode)
        b = combine(b, d, mode)
        if (mode == QUICK) {
          sumA = f32x4.add(sumA, c)
          sumB = f32x4.add(sumB, d)
        }
      }
    }
    v128.store(row, a)
    v128.store(row, b, 16)
    if (mode == QUICK) {
      const sum = f32x4.add(sumA, sumB)
      suspects = v128.or(suspects, f32x4.ne(sum, sum))
    }
  }
  return suspects
}

/** Four elements, `stride` apart. */
// @ts-ignore: decorator
@inline
export function lanes(at: usize, stride: i32): v128 {
  if (stride == 1) return v128.load(at)
  if (stride == 2) return v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 0, 2, 4, 6)
  const step = <usize>stride << 2
  let value = v128.load32_zero(at)
  value = v128.load_lane<i32>(at + step, value, 1)
  value = v128.load_lane<i32>(at + 2 * step, value, 2)
  return v128.load_lane<i32>(at + 3 * step, value, 3)
}

/** How many taps of the window along the width that starts at column x count. */
// @ts-ignore: decorator
@inline
function width(p: PoolPlanesParams, x: i32): f32 {
  return <f32>(p.includePad
    ? lastTap(x, p.paddedW, p.dW, p.kW)
    : lastTap(x, p.inW, p.dW, p.kW) - firstTap(x, p.dW))
}

/**
 * y[0 … count) = the windows along `row`, together. Sums are divided by their number of taps: `height` times those along the width,
 * of which windows from `whole` to before `cut` have all. `left`: the column of the first window.
 */
// @ts-ignore: decorator
@inline
function across(
  p: PoolPlanesParams, y: usize, row: usize, count: i32, left: i32, whole: i32, cut: i32, height: f32, stride: i32, mode: i32,
): void {
  const start = f32x4.splat(mode == SUM ? 0 : -Infinity)
  const taps = p.kW
  const step = <usize>p.dW << 2
  const stepOut = <usize>stride << 4
  const full = f32x4.splat(height * <f32>taps)
  for (let i = 0; i < count; i += 4, y += 16, row += stepOut) {
    let value = start
    let at = row
    for (let tap = 0; tap < taps; tap++, at += step) value = combine(value, lanes(at, stride), mode)
    if (mode == SUM) {
      let divisor = full
      if (i < whole || i + 4 > cut) {
        const x = left + i * stride
        divisor = f32x4.splat(width(p, x))
        divisor = f32x4.replace_lane(divisor, 1, width(p, x + stride))
        divisor = f32x4.replace_lane(divisor, 2, width(p, x + 2 * stride))
        divisor = f32x4.mul(f32x4.replace_lane(divisor, 3, width(p, x + 3 * stride)), f32x4.splat(height))
      }
      value = f32x4.div(value, divisor)
    }
    storeLeft(y, value, count - i)
  }
}

function fill(row: usize, from: i32, to: i32, value: f32): void {
  for (let i = from; i < to; i++) store<f32>(row + (<usize>i << 2), value)
}

// @ts-ignore: decorator
@inline
function pool(p: PoolPlanesParams, tile: i32, thread: i32, isMax: bool): void {
  const scratch = p.scratch + <usize>thread * p.scratchBytes
  const to = min((tile + 1) * p.chunk, p.rows)
  const inW = p.inW, inH = p.inH, inD = p.inD, sW = p.sW
  const stepY = <usize>p.dH * inW << 2
  const stepZ = <usize>p.dD * inH * inW << 2
  const reach = (p.kW - 1) * p.dW + 1
  const outside: f32 = isMax ? -Infinity : 0
  for (let row = tile * p.chunk; row < to; row++) {
    const oh = row % p.outH
    const rest = row / p.outH
    const z = (rest % p.outD) * p.sD - p.pD
    const y = oh * p.sH - p.pH
    const z0 = firstTap(z, p.dD), z1 = lastTap(z, inD, p.dD, p.kD)
    const y0 = firstTap(y, p.dH), y1 = lastTap(y, inH, p.dH, p.kH)
    const height = <f32>(p.includePad
      ? lastTap(z, p.paddedD, p.dD, p.kD) * lastTap(y, p.paddedH, p.dH, p.kH)
      : (z1 - z0) * (y1 - y0))
    const corner = p.x + (((<usize>(rest / p.outD) * inD + z + z0 * p.dD) * inH + y + y0 * p.dH) * inW << 2)
    const out = p.y + (<usize>row * p.outW << 2)
    for (let first = 0; first < p.outW; first += p.segment) {
      const count = min(p.segment, p.outW - first)
      const left = first * sW - p.pW
      const span = (count - 1) * sW + reach
      const from = min(max(0, -left), span)
      const end = max(min(inW - left, span), from)
      const x = corner + (<usize>(left + from) << 2)
      const columns = scratch + (<usize>from << 2)
      let hasNaN = false
      if (isMax) {
        hasNaN = v128.any_true(gather(columns, x, end - from, z1 - z0, y1 - y0, stepZ, stepY, QUICK))
        if (hasNaN) gather(columns, x, end - from, z1 - z0, y1 - y0, stepZ, stepY, EXACT)
      } else gather(columns, x, end - from, z1 - z0, y1 - y0, stepZ, stepY, SUM)
      fill(scratch, 0, from, outside)
      fill(scratch, end, span, outside)
      const target = out + (<usize>first << 2)
      if (!isMax) {
        const whole = p.includePad ? 0 : windowsBefore(left, sW)
        const cut = windowsUntil(left, sW, (p.includePad ? p.paddedW : inW) - reach)
        if (sW == 1) across(p, target, scratch, count, left, whole, cut, height, 1, SUM)
        else if (sW == 2) across(p, target, scratch, count, left, whole, cut, height, 2, SUM)
        else across(p, target, scratch, count, left, whole, cut, height, sW, SUM)
      } else if (hasNaN) across(p, target, scratch, count, left, 0, 0, 0, sW, EXACT)
      else if (sW == 1) across(p, target, scratch, count, left, 0, 0, 0, 1, QUICK)
      else if (sW == 2) across(p, target, scratch, count, left, 0, 0, 0, 2, QUICK)
      else across(p, target, scratch, count, left, 0, 0, 0, sW, QUICK)
    }
  }
}

/** y = the maximum of each window of x, NaN being larger than all, or the mean. */
export function pool_planes_f32(p: PoolPlanesParams, tile: i32, thread: i32): void {
  if (p.isMax) pool(p, tile, thread, true)
  else pool(p, tile, thread, false)
}
