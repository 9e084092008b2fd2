/**
 * Elements of x in rows of `inner` that share a scale and a zero point: row r has number r % scales. `zero` is 0 for
 * none; `type` is a number of src/backend/wasm/lower/quantize.ts; quantized numbers lie in [low, high].
 */
// @ts-ignore: decorator
@unmanaged
export class QuantizeParams { x: usize; scale: usize; zero: usize; y: usize; size: i32; chunk: i32; inner: i32; scales: i32; type: i32; low: f32; high: f32 }

/** 1.5 * 2^23: added to |v| < 2^22, it rounds v to an integer, half to even, and leaves it in the low bits. */
// @ts-ignore: decorator
@inline
const ROUNDING: f32 = 12582912
// @ts-ignore: decorator
@inline
const ROUNDING_BITS: i32 = 0x4b400000

/** Four numbers less than 2^22 away from 0, rounded to integers, half to even, plus `offset` - ROUNDING_BITS. */
// @ts-ignore: decorator
@inline
export function rounded(v: v128, low: v128, high: v128, offset: v128): v128 {
  const limited = f32x4.pmin(high, f32x4.pmax(low, v))
  return i32x4.add(f32x4.add(limited, f32x4.splat(ROUNDING)), offset)
}

/** What `rounded` adds for a zero point. */
// @ts-ignore: decorator
@inline
export function roundingOffset(zero: i32): v128 {
  return i32x4.splat(zero - ROUNDING_BITS)
}

function quantizeRow<T>(x: usize, y: usize, count: i32, scale: f32, zero: i32, least: f32, most: f32): void {
  const step = f32x4.splat(scale)
  const low = f32x4.splat(least - <f32>zero)
  const high = f32x4.splat(most - <f32>zero)
  const offset = roundingOffset(zero)
  let i = 0
  for (; i + 8 <= count; i += 8, x += 32, y += 8 * sizeof<T>()) {
    const a = rounded(f32x4.div(v128.load(x), step), low, high, offset)
    const b = rounded(f32x4.div(v128.load(x, 16), step), low, high, offset)
    const words = sizeof<T>() == 2 && !isSigned<T>() ? i16x8.narrow_i32x4_u(a, b) : i16x8.narrow_i32x4_s(a, b)
    if (sizeof<T>() == 2) v128.store(y, words)
    else v128.store64_lane(y, isSigned<T>() ? i8x16.narrow_i16x8_s(words, words) : i8x16.narrow_i16x8_u(words, words), 0)
  }
  for (; i < count; i++, x += 4, y += sizeof<T>())
    store<T>(y, <T>i32x4.extract_lane(rounded(f32x4.div(v128.load32_splat(x), step), low, high, offset), 0))
}

function quantizeRows<T>(p: QuantizeParams, tile: i32): void {
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / p.inner
    const count = min((row + 1) * p.inner, to) - at
    const index = <usize>(row % p.scales)
    const zero = p.zero == 0 ? 0 : <i32>load<T>(p.zero + index * sizeof<T>())
    quantizeRow<T>(p.x + (<usize>at << 2), p.y + <usize>at * sizeof<T>(), count, load<f32>(p.scale + (index << 2)), zero, p.low, p.high)
    at += count
  }
}

/** y = x / scale, rounded half to even, plus the zero point, limited. */
export function quantize_f32(p: QuantizeParams, tile: i32, thread: i32): void {
  switch (p.type) {
    case 0: { quantizeRows<u8>(p, tile); break }
    case 1: { quantizeRows<i8>(p, tile); break }
    case 2: { quantizeRows<u16>(p, tile); break }
    case 3: { quantizeRows<i16>(p, tile); break }
    default: unreachable()
  }
}

/** Eight integers of 8 or 16 bits as two vectors of int32; four of them for int32. */
function dequantizeRow<T>(x: usize, y: usize, count: i32, scale: f32, zero: i32): void {
  const step = f32x4.splat(scale)
  const offset = i32x4.splat(zero)
  let i = 0
  for (; i + 8 <= count; i += 8, x += 8 * sizeof<T>(), y += 32) {
    let a: v128, b: v128
    if (sizeof<T>() == 4) {
      a = v128.load(x)
      b = v128.load(x, 16)
    } else if (isSigned<T>()) {
      const words = sizeof<T>() == 2 ? v128.load(x) : v128.load8x8_s(x)
      a = i32x4.extend_low_i16x8_s(words)
      b = i32x4.extend_high_i16x8_s(words)
    } else {
      const words = sizeof<T>() == 2 ? v128.load(x) : v128.load8x8_u(x)
      a = i32x4.extend_low_i16x8_u(words)
      b = i32x4.extend_high_i16x8_u(words)
    }
    v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(a, offset)), step))
    v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(b, offset)), step), 16)
  }
  for (; i < count; i++, x += sizeof<T>(), y += 4) store<f32>(y, <f32>(<i32>load<T>(x) - zero) * scale)
}

function dequantizeRows<T>(p: QuantizeParams, tile: i32): void {
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / p.inner
    const count = min((row + 1) * p.inner, to) - at
    const index = <usize>(row % p.scales)
    const zero = p.zero == 0 ? 0 : <i32>load<T>(p.zero + index * sizeof<T>())
    dequantizeRow<T>(p.x + <usize>at * sizeof<T>(), p.y + (<usize>at << 2), count, load<f32>(p.scale + (index << 2)), zero)
    at += count
  }
}

/** y = (x - zero point) scale, in float32. */
export function dequantize_f32(p: QuantizeParams, tile: i32, thread: i32): void {
  switch (p.type) {
    case 0: { dequantizeRows<u8>(p, tile); break }
    case 1: { dequantizeRows<i8>(p, tile); break }
    case 2: { dequantizeRows<u16>(p, tile); break }
    case 3: { dequantizeRows<i16>(p, tile); break }
    case 4: { dequantizeRows<i32>(p, tile); break }
    default: unreachable()
  }
}

// @ts-ignore: decorator
@unmanaged
export class RangeParams { x: usize; scale: usize; zero: usize; size: i32 }

/** The scale and the uint8 zero point for the range of x, extended to hold 0. One tile. */
export function quantize_range_f32(p: RangeParams, tile: i32, thread: i32): void {
  let low = f32x4.splat(0)
  let high = low
  let i = 0
  for (; i + 4 <= p.size; i += 4) {
    const v = v128.load(p.x + (<usize>i << 2))
    low = f32x4.pmin(low, v)
    high = f32x4.pmax(high, v)
  }
  for (; i < p.size; i++) {
    const v = v128.load32_splat(p.x + (<usize>i << 2))
    low = f32x4.pmin(low, v)
    high = f32x4.pmax(high, v)
  }
  low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1))
  high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 2, 3, 0, 1))
  const least = min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1))
  const most = max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1))
  const scale = (most - least) / <f32>255
  store<f32>(p.scale, scale)
  store<u8>(p.zero, <u8>(<i32>nearest(min<f32>(-least / (scale == 0 ? <f32>1 : scale), 255))))
}
