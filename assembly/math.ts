import { C, constant } from './constants'
import { madd } from './simd'

// Elementary functions of four float32. Error bounds are checked by test/wasm-math.test.ts over the stated ranges and hold
// with fused and with separate multiply-adds. NaN gives NaN everywhere.

/** Stores the first `count` (0 to 4) lanes of `v`. */
// @ts-ignore: decorator
@inline
export function storeLanes(to: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, v)
    return
  }
  if (count > 0) v128.store_lane<f32>(to, v, 0)
  if (count > 1) v128.store_lane<f32>(to + 4, v, 1)
  if (count > 2) v128.store_lane<f32>(to + 8, v, 2)
}

/** `a` with the sign of `b`; `a` >= 0. */
// @ts-ignore: decorator
@inline
function withSign(a: v128, b: v128): v128 {
  return v128.or(a, v128.and(b, constant(C.SIGN)))
}

/** 2^n for integral n in [-126, 127]. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, constant(C.BIAS)), 23)
}

/** r + r^2 P(r), near e^r - 1 for |r| <= ln(2)/2. */
// @ts-ignore: decorator
@inline
function expm1Polynomial(r: v128): v128 {
  let p = madd(constant(C.EXP0), r, constant(C.EXP1))
  p = madd(p, r, constant(C.EXP2))
  p = madd(p, r, constant(C.EXP3))
  p = madd(p, r, constant(C.EXP4))
  p = madd(p, r, constant(C.EXP5))
  return madd(f32x4.mul(r, r), p, r)
}

/** x - n ln 2. */
// @ts-ignore: decorator
@inline
function reduceByLn2(x: v128, n: v128): v128 {
  return madd(n, constant(C.LN2_LOW_NEGATED), f32x4.sub(x, f32x4.mul(n, constant(C.LN2_HIGH))))
}

/** e^x where it may be infinite, subnormal or NaN. */
function expBeyond(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, constant(C.EXP_LOW)), constant(C.EXP_HIGH))
  const rounder = constant(C.ROUNDER)
  const t = f32x4.add(f32x4.mul(x, constant(C.LOG2_E)), rounder)
  const y = f32x4.add(expm1Polynomial(reduceByLn2(x, f32x4.sub(t, rounder))), constant(C.ONE))
  const exponent = i32x4.sub(t, rounder)
  const half = i32x4.shr_s(exponent, 1)
  return f32x4.mul(f32x4.mul(y, powerOfTwo(half)), powerOfTwo(i32x4.sub(exponent, half)))
}

/** e^x. Relative error below 2e-7 where the result is normal; infinite above 88.7229, subnormal then 0 below -87.34. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  if (!i32x4.all_true(f32x4.le(v128.and(x, constant(C.ABS)), constant(C.EXP_NORMAL)))) return expBeyond(x)
  const rounder = constant(C.ROUNDER)
  const t = f32x4.add(f32x4.mul(x, constant(C.LOG2_E)), rounder)
  const y = f32x4.add(expm1Polynomial(reduceByLn2(x, f32x4.sub(t, rounder))), constant(C.ONE))
  // The last bits of t are n: it is added to y's exponent.
  return i32x4.add(y, i32x4.shl(t, 23))
}

/** e^x - 1 for x <= 30 (larger x give e^30 - 1). Relative error below 3e-7. */
// @ts-ignore: decorator
@inline
export function expm1(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-30)), f32x4.splat(30))
  const n = f32x4.nearest(f32x4.mul(x, constant(C.LOG2_E)))
  const scale = powerOfTwo(i32x4.trunc_sat_f32x4_s(n))
  return madd(expm1Polynomial(reduceByLn2(x, n)), scale, f32x4.sub(scale, f32x4.splat(1)))
}

/** Natural logarithm. Relative error below 2e-7, subnormals included; log 0 = -inf, NaN below 0. The polynomial is Cephes' logf. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const one = constant(C.ONE)
  const zero = f32x4.splat(0)
  const tiny = f32x4.lt(x, constant(C.LOG_TINY))
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny)
  // scaled = m 2^e with m in [0.5, 1)
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126)))
  e = f32x4.sub(e, v128.and(tiny, f32x4.splat(23)))
  let m = v128.or(v128.and(scaled, constant(C.MANTISSA)), constant(C.HALF))
  const low = f32x4.lt(m, constant(C.ROOT_HALF))
  e = f32x4.sub(e, v128.and(low, one))
  m = f32x4.sub(f32x4.add(m, v128.and(low, m)), one)
  const z = f32x4.mul(m, m)
  let p = madd(constant(C.LOG0), m, constant(C.LOG1))
  p = madd(p, m, constant(C.LOG2))
  p = madd(p, m, constant(C.LOG3))
  p = madd(p, m, constant(C.LOG4))
  p = madd(p, m, constant(C.LOG5))
  p = madd(p, m, constant(C.LOG6))
  p = madd(p, m, constant(C.LOG7))
  p = madd(p, m, constant(C.LOG8))
  p = f32x4.mul(f32x4.mul(p, m), z)
  p = madd(e, constant(C.LN2_LOW), p)
  p = f32x4.sub(p, f32x4.mul(z, constant(C.HALF)))
  let y = madd(e, constant(C.LN2_HIGH), f32x4.add(m, p))
  // +inf and NaN pass through; x < 0 gives NaN (all bits set), 0 gives -inf.
  y = v128.bitselect(y, x, f32x4.lt(x, constant(C.INFINITE)))
  y = v128.or(y, f32x4.lt(x, zero))
  return v128.bitselect(f32x4.splat(-f32.POSITIVE_INFINITY), y, f32x4.eq(x, zero))
}

/** log(1 + z) for z in [0, 1], as log(u) z / (u - 1) with u = 1 + z rounded (Kahan). Relative error below 4e-7. */
// @ts-ignore: decorator
@inline
function log1p(z: v128): v128 {
  const u = f32x4.add(z, f32x4.splat(1))
  const d = f32x4.sub(u, f32x4.splat(1))
  return v128.bitselect(z, f32x4.div(f32x4.mul(log(u), z), d), f32x4.eq(d, f32x4.splat(0)))
}

/**
 * Hyperbolic tangent, as x P(x²) / Q(x²) on [-7.905, 7.905], beyond which it rounds to 1; the coefficients are Eigen's.
 * Relative error below 5e-7.
 */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, constant(C.TANH_HIGH)), constant(C.TANH_LOW))
  const z = f32x4.mul(x, x)
  let p = madd(constant(C.TANH0), z, constant(C.TANH1))
  p = madd(p, z, constant(C.TANH2))
  p = madd(p, z, constant(C.TANH3))
  p = madd(p, z, constant(C.TANH4))
  p = madd(p, z, constant(C.TANH5))
  p = madd(p, z, constant(C.TANH6))
  let q = madd(constant(C.TANH_Q0), z, constant(C.TANH_Q1))
  q = madd(q, z, constant(C.TANH_Q2))
  q = madd(q, z, constant(C.TANH_Q3))
  return f32x4.mul(x, f32x4.div(p, q))
}

/** 1 / (1 + e^-x). Relative error below 4e-7 where the result is normal. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = constant(C.ONE)
  const z = exp(v128.or(x, constant(C.SIGN)))
  return f32x4.div(v128.bitselect(z, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, z))
}

/** x / (1 + e^-ax). Relative error below 5e-7 for ax > -88.3, and 0 below that. */
// @ts-ignore: decorator
@inline
export function swish(x: v128, a: v128): v128 {
  const one = constant(C.ONE)
  const rounder = constant(C.ROUNDER)
  const u = f32x4.pmin(f32x4.pmax(f32x4.neg(f32x4.mul(x, a)), constant(C.NORMAL_LOW)), constant(C.EXP_HIGH))
  const t = f32x4.add(f32x4.mul(u, constant(C.LOG2_E)), rounder)
  const n = f32x4.sub(t, rounder)
  // 2^128 is infinite, which makes the quotient 0.
  const power = powerOfTwo(i32x4.sub(t, rounder))
  const y = f32x4.mul(f32x4.add(expm1Polynomial(reduceByLn2(u, n)), one), power)
  return f32x4.div(x, f32x4.add(y, one))
}

/** log(1 + e^x), as max(x, 0) + log1p(e^-|x|). Relative error below 6e-7 where the result is normal. */
// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log1p(exp(f32x4.neg(f32x4.abs(x)))))
}

/**
 * The error function. Relative error below 3e-7: by erf(x)/x - 1 for |x| < 1, by log(erfc(x))/x for 1 <= |x| <= 4.
 */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const t = f32x4.pmin(v128.and(x, constant(C.ABS)), constant(C.ERF_HIGH))
  const s = f32x4.mul(t, t)
  let p = madd(constant(C.ERF0), s, constant(C.ERF1))
  p = madd(p, s, constant(C.ERF2))
  p = madd(p, s, constant(C.ERF3))
  p = madd(p, s, constant(C.ERF4))
  p = madd(p, s, constant(C.ERF5))
  p = madd(p, s, constant(C.ERF6))
  const near = madd(t, p, t)
  let q = madd(constant(C.ERFC0), t, constant(C.ERFC1))
  q = madd(q, t, constant(C.ERFC2))
  q = madd(q, t, constant(C.ERFC3))
  q = madd(q, t, constant(C.ERFC4))
  q = madd(q, t, constant(C.ERFC5))
  const far = f32x4.sub(constant(C.ONE), exp(f32x4.mul(q, t)))
  return withSign(v128.bitselect(near, far, f32x4.lt(t, constant(C.ONE))), x)
}

/** log x of two float64, x > 0, normal or infinite: 2 atanh s with s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)), nine terms. */
// @ts-ignore: decorator
@inline
function logOfPair(x: v128): v128 {
  const one = f64x2.splat(1)
  const exponents = i64x2.sub(i64x2.shr_u(x, 52), i64x2.splat(1022))
  let e = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponents, exponents, 0, 2, 0, 2))
  let m = v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), f64x2.splat(0.5))
  const low = f64x2.lt(m, f64x2.splat(0.70710678118654752))
  e = f64x2.sub(e, v128.and(low, one))
  m = f64x2.add(m, v128.and(low, m))
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one))
  const z = f64x2.mul(s, s)
  let p = f64x2.splat(2.0 / 17.0)
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 15.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 13.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 11.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 9.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 7.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 5.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 3.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0))
  const y = f64x2.add(f64x2.mul(e, f64x2.splat(0.69314718055994531)), f64x2.mul(p, s))
  return v128.bitselect(y, x, f64x2.lt(x, f64x2.splat(f64.POSITIVE_INFINITY)))
}

/** e^x of two float64 as float64: the Taylor polynomial of degree 11 on |r| <= ln(2)/2, x limited to [-120, 100]. */
// @ts-ignore: decorator
@inline
function expOfPair(x: v128): v128 {
  x = f64x2.min(f64x2.max(x, f64x2.splat(-120)), f64x2.splat(100))
  const n = f64x2.nearest(f64x2.mul(x, f64x2.splat(1.44269504088896341)))
  const r = f64x2.sub(x, f64x2.mul(n, f64x2.splat(0.69314718055994531)))
  let p = f64x2.splat(1.0 / 39916800.0)
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 3628800.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 362880.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 40320.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 5040.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 720.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 120.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 24.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0))
  const exponent = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(n))
  return f64x2.mul(p, i64x2.shl(i64x2.add(exponent, i64x2.splat(1023)), 52))
}

/** x^y for two pairs given as float32 in the low lanes, x >= 0. */
function powOfPair(x: v128, y: v128): v128 {
  return f32x4.demote_f64x2_zero(expOfPair(f64x2.mul(f64x2.promote_low_f32x4(y), logOfPair(f64x2.promote_low_f32x4(x)))))
}

/** x^y, correct to one unit in the last place; the special cases are C's pow. */
export function pow(x: v128, y: v128): v128 {
  const one = f32x4.splat(1)
  const zero = f32x4.splat(0)
  const t = f32x4.abs(x)
  const low = powOfPair(t, y)
  const high = powOfPair(v128.shuffle<i32>(t, t, 2, 3, 2, 3), v128.shuffle<i32>(y, y, 2, 3, 2, 3))
  let power = v128.shuffle<i32>(low, high, 0, 1, 4, 5)
  // 0^y, for y other than 0
  const ofZero = v128.bitselect(f32x4.splat(f32.POSITIVE_INFINITY), v128.and(y, f32x4.ne(y, y)), f32x4.lt(y, zero))
  power = v128.bitselect(ofZero, power, f32x4.eq(t, zero))
  power = v128.bitselect(one, power, v128.or(f32x4.eq(y, zero), v128.and(f32x4.eq(t, one), f32x4.eq(y, y))))
  const half = f32x4.mul(y, f32x4.splat(0.5))
  const integral = f32x4.eq(y, f32x4.trunc(y))
  const odd = v128.andnot(integral, f32x4.eq(half, f32x4.trunc(half)))
  power = v128.xor(power, v128.and(v128.and(x, odd), i32x4.splat(i32.MIN_VALUE)))
  power = v128.or(power, v128.andnot(f32x4.lt(x, zero), v128.or(integral, f32x4.eq(t, f32x4.splat(f32.POSITIVE_INFINITY)))))
  // 1^NaN is 1
  return v128.bitselect(one, power, f32x4.eq(x, one))
}

/** `x` in the first `count` lanes, `other` in the rest. */
// @ts-ignore: decorator
@inline
export function firstLanes(x: v128, other: v128, count: i32): v128 {
  return v128.bitselect(x, other, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)))
}

/** The sum of the lanes: (0 + 2) + (1 + 3). */
// @ts-ignore: decorator
@inline
export function sumOfLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** The largest lane; NaN if one is NaN. */
// @ts-ignore: decorator
@inline
export function maxOfLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return max<f32>(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}
