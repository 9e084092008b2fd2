import { madd } from './simd'

// Elementary functions of four float32. Error bounds are checked by test/wasm-math.test.ts over the stated ranges and hold
// with fused and with separate multiply-adds. NaN gives NaN everywhere.

// @ts-ignore: decorator
@inline
const LOG2_E: f32 = 1.44269504088896341
// ln 2 in two parts: the first has so few bits that n * LN2_HIGH is exact for |n| < 512 (Cody and Waite, 1980).
// @ts-ignore: decorator
@inline
const LN2_HIGH: f32 = 0.693359375
// @ts-ignore: decorator
@inline
const LN2_LOW: f32 = -2.12194440e-4

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
  return v128.or(a, v128.and(b, i32x4.splat(i32.MIN_VALUE)))
}

/** 2^n for integral n in [-126, 127]. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23)
}

/** r + r^2 P(r), near e^r - 1 for |r| <= ln(2)/2; the polynomial is Cephes' expf (Moshier, 1989). */
// @ts-ignore: decorator
@inline
function expm1Polynomial(r: v128): v128 {
  let p = madd(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  return madd(f32x4.mul(r, r), p, r)
}

/** x - n ln 2. */
// @ts-ignore: decorator
@inline
function reduceByLn2(x: v128, n: v128): v128 {
  return madd(n, f32x4.splat(-LN2_LOW), f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH))))
}

/** e^x. Relative error below 2e-7 where the result is normal; infinite above 88.7229, subnormal then 0 below -87.34. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-104)), f32x4.splat(89))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2_E)))
  const y = f32x4.add(expm1Polynomial(reduceByLn2(x, n)), f32x4.splat(1))
  const exponent = i32x4.trunc_sat_f32x4_s(n)
  const half = i32x4.shr_s(exponent, 1)
  return f32x4.mul(f32x4.mul(y, powerOfTwo(half)), powerOfTwo(i32x4.sub(exponent, half)))
}

/** e^x - 1 for x <= 30 (larger x give e^30 - 1). Relative error below 3e-7. */
// @ts-ignore: decorator
@inline
export function expm1(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-30)), f32x4.splat(30))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2_E)))
  const scale = powerOfTwo(i32x4.trunc_sat_f32x4_s(n))
  return madd(expm1Polynomial(reduceByLn2(x, n)), scale, f32x4.sub(scale, f32x4.splat(1)))
}

/** Natural logarithm. Relative error below 2e-7, subnormals included; log 0 = -inf, NaN below 0. The polynomial is Cephes' logf. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const one = f32x4.splat(1)
  const zero = f32x4.splat(0)
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38))
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny)
  // scaled = m 2^e with m in [0.5, 1)
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126)))
  e = f32x4.sub(e, v128.and(tiny, f32x4.splat(23)))
  let m = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), f32x4.splat(0.5))
  const low = f32x4.lt(m, f32x4.splat(0.707106781186547524))
  e = f32x4.sub(e, v128.and(low, one))
  m = f32x4.sub(f32x4.add(m, v128.and(low, m)), one)
  const z = f32x4.mul(m, m)
  let p = madd(f32x4.splat(7.0376836292e-2), m, f32x4.splat(-1.1514610310e-1))
  p = madd(p, m, f32x4.splat(1.1676998740e-1))
  p = madd(p, m, f32x4.splat(-1.2420140846e-1))
  p = madd(p, m, f32x4.splat(1.4249322787e-1))
  p = madd(p, m, f32x4.splat(-1.6668057665e-1))
  p = madd(p, m, f32x4.splat(2.0000714765e-1))
  p = madd(p, m, f32x4.splat(-2.4999993993e-1))
  p = madd(p, m, f32x4.splat(3.3333331174e-1))
  p = f32x4.mul(f32x4.mul(p, m), z)
  p = madd(e, f32x4.splat(LN2_LOW), p)
  p = f32x4.sub(p, f32x4.mul(z, f32x4.splat(0.5)))
  let y = madd(e, f32x4.splat(LN2_HIGH), f32x4.add(m, p))
  // +inf and NaN pass through; x < 0 gives NaN (all bits set), 0 gives -inf.
  y = v128.bitselect(y, x, f32x4.lt(x, f32x4.splat(f32.POSITIVE_INFINITY)))
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

/** Hyperbolic tangent, from e^2|x| - 1. Relative error below 5e-7. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const t = f32x4.abs(x)
  const q = expm1(f32x4.add(t, t))
  return withSign(f32x4.div(q, f32x4.add(q, f32x4.splat(2))), x)
}

/** 1 / (1 + e^-x). Relative error below 4e-7 where the result is normal. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1)
  const z = exp(f32x4.neg(f32x4.abs(x)))
  return f32x4.div(v128.bitselect(z, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, z))
}

/** log(1 + e^x), as max(x, 0) + log1p(e^-|x|). Relative error below 6e-7 where the result is normal. */
// @ts-ignore: decorator
@inline
export function softplus(x: v128): v128 {
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), log1p(exp(f32x4.neg(f32x4.abs(x)))))
}

/**
 * The error function. Relative error below 3e-7. Weighted least-squares Chebyshev fits of erf(x)/x - 1 in x^2 for |x| < 1, and of
 * log(erfc(x))/x for 1 <= |x| <= 4.
 */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  const t = f32x4.min(f32x4.abs(x), f32x4.splat(4))
  const s = f32x4.mul(t, t)
  let p = madd(f32x4.splat(7.85385727e-5), s, f32x4.splat(-8.01019254e-4))
  p = madd(p, s, f32x4.splat(5.18832775e-3))
  p = madd(p, s, f32x4.splat(-2.68538110e-2))
  p = madd(p, s, f32x4.splat(1.12835854e-1))
  p = madd(p, s, f32x4.splat(-3.76126260e-1))
  p = madd(p, s, f32x4.splat(1.28379166e-1))
  const near = madd(t, p, t)
  let q = madd(f32x4.splat(2.10187965e-4), t, f32x4.splat(-3.18316324e-3))
  q = madd(q, t, f32x4.splat(2.27862261e-2))
  q = madd(q, t, f32x4.splat(-1.05096877e-1))
  q = madd(q, t, f32x4.splat(-6.35846257e-1))
  q = madd(q, t, f32x4.splat(-1.12847567))
  const far = f32x4.sub(f32x4.splat(1), exp(f32x4.mul(q, t)))
  return withSign(v128.bitselect(near, far, f32x4.lt(t, f32x4.splat(1))), x)
}
