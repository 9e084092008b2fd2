// @ts-ignore: decorator
@unmanaged
export class CastParams { x: usize; y: usize; size: i32; chunk: i32; from: i32; to: i32 }

/** Element types of a cast: the numbers of src/backend/wasm/lower/elementwise.ts. */
function convert<F, T>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += sizeof<F>(), y += sizeof<T>()) store<T>(y, <T>load<F>(x))
}

/** Floats to integers of fewer than 32 bits: toward zero, then wrapped, as from int32. */
function truncate<T>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += 4, y += sizeof<T>()) store<T>(y, <T>(<i32>load<f32>(x)))
}

function truth<F>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += sizeof<F>(), y++) store<u8>(y, load<F>(x) != <F>0 ? 1 : 0)
}

/** To type `to`: 0 float32, 1 int32, 2 int64, 3 uint8, 4 int8, 5 bool; 6 is float16, 7 bfloat16. */
function convertFrom<F>(to: i32, x: usize, y: usize, count: i32): void {
  switch (to) {
    case 0: { convert<F, f32>(x, y, count); break }
    case 1: { convert<F, i32>(x, y, count); break }
    case 2: { convert<F, i64>(x, y, count); break }
    case 3: { if (isFloat<F>()) truncate<u8>(x, y, count); else convert<F, u8>(x, y, count); break }
    case 4: { if (isFloat<F>()) truncate<i8>(x, y, count); else convert<F, i8>(x, y, count); break }
    case 5: { truth<F>(x, y, count); break }
    default: unreachable()
  }
}

/** Four float16 numbers in the lower halves of 32-bit lanes, as float32. */
// @ts-ignore: decorator
@inline
function widenedF16(bits: v128): v128 {
  const magnitude = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13)
  // The multiplication moves the exponent from one bias to the other, and makes subnormal numbers normal ones.
  const finite = f32x4.mul(magnitude, f32x4.splat(5192296858534827628530496329220096.0))
  const special = v128.or(magnitude, i32x4.splat(0x7f800000))
  const value = v128.bitselect(special, finite, i32x4.ge_s(magnitude, i32x4.splat(0x0f800000)))
  return v128.or(value, i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16))
}

/** Four float32 numbers as float16 in 32-bit lanes: to nearest, ties to even, overflow to infinity. */
// @ts-ignore: decorator
@inline
function narrowedF16(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff))
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(-0x38000000 + 0xfff)), odd), 13)
  // Next to 0.5 floats are 2^-24 apart, as subnormal float16 numbers are.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  const small = v128.bitselect(subnormal, rounded, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)))
  const isNaN = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000))
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), isNaN)
  const value = v128.bitselect(special, small, i32x4.ge_s(magnitude, i32x4.splat(0x47800000)))
  return v128.bitselect(value, v128.or(value, v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000))), isNaN)
}

/** Four float32 numbers as bfloat16 in 32-bit lanes: to nearest, ties to even. */
// @ts-ignore: decorator
@inline
function narrowedBf16(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16)
  const isNaN = i32x4.gt_s(v128.and(x, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000))
  return v128.bitselect(i32x4.splat(0x7fc0), rounded, isNaN)
}

/** Floats of 16 bits to float32. */
function widen(x: usize, y: usize, count: i32, brain: bool): void {
  for (let i = 0; i < count; i += 4, x += 8, y += 16) {
    const bits = v128.load16x4_u(x)
    const value = brain ? i32x4.shl(bits, 16) : widenedF16(bits)
    if (i + 4 <= count) { v128.store(y, value); continue }
    store<f32>(y, f32x4.extract_lane(value, 0))
    if (i + 1 < count) store<f32>(y + 4, f32x4.extract_lane(value, 1))
    if (i + 2 < count) store<f32>(y + 8, f32x4.extract_lane(value, 2))
  }
}

/** float32 to floats of 16 bits. */
function narrow(x: usize, y: usize, count: i32, brain: bool): void {
  for (let i = 0; i < count; i += 4, x += 16, y += 8) {
    const value = v128.load(x)
    const bits = brain ? narrowedBf16(value) : narrowedF16(value)
    if (i + 4 <= count) { v128.store64_lane(y, i16x8.narrow_i32x4_u(bits, bits), 0); continue }
    store<u16>(y, <u16>i32x4.extract_lane(bits, 0))
    if (i + 1 < count) store<u16>(y + 2, <u16>i32x4.extract_lane(bits, 1))
    if (i + 2 < count) store<u16>(y + 4, <u16>i32x4.extract_lane(bits, 2))
  }
}

/** y = x as another type. Floats of 16 bits go to float32 and come from it. Floats go to integers toward zero; out of range the result is unspecified. Bool sources hold 0 or 1. */
export function cast(p: CastParams, tile: i32, thread: i32): void {
  const first = tile * p.chunk
  const count = min(p.chunk, p.size - first)
  const x = p.x + <usize>(first * widthOf(p.from))
  const y = p.y + <usize>(first * widthOf(p.to))
  if (p.from > 5) { widen(x, y, count, p.from == 7); return }
  if (p.to > 5) { narrow(x, y, count, p.to == 7); return }
  switch (p.from) {
    case 0: { convertFrom<f32>(p.to, x, y, count); break }
    case 1: { convertFrom<i32>(p.to, x, y, count); break }
    case 2: { convertFrom<i64>(p.to, x, y, count); break }
    case 3:
    case 5: { convertFrom<u8>(p.to, x, y, count); break }
    case 4: { convertFrom<i8>(p.to, x, y, count); break }
    default: unreachable()
  }
}

function widthOf(type: i32): i32 {
  return type == 2 ? 8 : type < 2 ? 4 : type > 5 ? 2 : 1
}
