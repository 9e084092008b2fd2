// Constants lie in memory, in the synchronisation block, where the core writes them as it starts: V8 makes a vector
// constant anew at each use, in six instructions; a load is one.

// @ts-ignore: decorator
@inline
const TABLE: usize = 32768

// @ts-ignore: decorator
@inline
function define(index: i32, value: f32): void {
  v128.store(TABLE + (<usize>index << 4), f32x4.splat(value))
}

/** Constant `index`, in all lanes. */
// @ts-ignore: decorator
@inline
export function constant(index: i32): v128 {
  return v128.load(TABLE + (<usize>index << 4))
}

export const enum C {
  ONE, SIGN, LOG2_E, LN2_HIGH, LN2_LOW, LN2_LOW_NEGATED, ROUNDER, BIAS, EXP_LOW, EXP_HIGH, NORMAL_LOW,
  EXP0, EXP1, EXP2, EXP3, EXP4, EXP5,
  ABS, EXP_NORMAL, HALF, TANH_HIGH, TANH_LOW,
  TANH0, TANH1, TANH2, TANH3, TANH4, TANH5, TANH6, TANH_Q0, TANH_Q1, TANH_Q2, TANH_Q3,
  ERF_HIGH, ERF0, ERF1, ERF2, ERF3, ERF4, ERF5, ERF6, ERFC0, ERFC1, ERFC2, ERFC3, ERFC4, ERFC5,
  LOG0, LOG1, LOG2, LOG3, LOG4, LOG5, LOG6, LOG7, LOG8, LOG_TINY, MANTISSA, ROOT_HALF, INFINITE,
}

/** Writes the table. */
export function defineConstants(): void {
  define(C.ONE, 1)
  define(C.SIGN, -0.0)
  define(C.LOG2_E, 1.44269504088896341)
  // ln 2 in two parts: the first has so few bits that n * LN2_HIGH is exact for |n| < 512 (Cody and Waite, 1980).
  define(C.LN2_HIGH, 0.693359375)
  define(C.LN2_LOW, -2.12194440e-4)
  define(C.LN2_LOW_NEGATED, 2.12194440e-4)
  // 1.5 2^23: a sum with it is rounded to an integer, which its last bits hold.
  define(C.ROUNDER, 12582912)
  define(C.BIAS, reinterpret<f32>(127))
  define(C.EXP_LOW, -104)
  define(C.EXP_HIGH, 89)
  define(C.NORMAL_LOW, -87)
  // Cephes' expf (Moshier, 1989).
  define(C.EXP0, 1.9875691500e-4)
  define(C.EXP1, 1.3981999507e-3)
  define(C.EXP2, 8.3334519073e-3)
  define(C.EXP3, 4.1665795894e-2)
  define(C.EXP4, 1.6666665459e-1)
  define(C.EXP5, 5.0000001201e-1)
  define(C.ABS, reinterpret<f32>(0x7fffffff))
  define(C.EXP_NORMAL, 87)
  define(C.HALF, 0.5)
  // Eigen's x P(x²) / Q(x²).
  define(C.TANH_HIGH, 7.90531111)
  define(C.TANH_LOW, -7.90531111)
  define(C.TANH0, -2.76076847742355e-16)
  define(C.TANH1, 2.00018790482477e-13)
  define(C.TANH2, -8.60467152213735e-11)
  define(C.TANH3, 5.12229709037114e-8)
  define(C.TANH4, 1.48572235717979e-5)
  define(C.TANH5, 6.37261928875436e-4)
  define(C.TANH6, 4.89352455891786e-3)
  define(C.TANH_Q0, 1.19825839466702e-6)
  define(C.TANH_Q1, 1.18534705686654e-4)
  define(C.TANH_Q2, 2.2684346324390e-3)
  define(C.TANH_Q3, 4.89352518554385e-3)
  // Weighted least-squares Chebyshev fits of erf(x)/x - 1 in x², and of log(erfc(x))/x.
  define(C.ERF_HIGH, 4)
  define(C.ERF0, 7.85385727e-5)
  define(C.ERF1, -8.01019254e-4)
  define(C.ERF2, 5.18832775e-3)
  define(C.ERF3, -2.68538110e-2)
  define(C.ERF4, 1.12835854e-1)
  define(C.ERF5, -3.76126260e-1)
  define(C.ERF6, 1.28379166e-1)
  define(C.ERFC0, 2.10187965e-4)
  define(C.ERFC1, -3.18316324e-3)
  define(C.ERFC2, 2.27862261e-2)
  define(C.ERFC3, -1.05096877e-1)
  define(C.ERFC4, -6.35846257e-1)
  define(C.ERFC5, -1.12847567)
  // Cephes' logf (Moshier, 1989).
  define(C.LOG0, 7.0376836292e-2)
  define(C.LOG1, -1.1514610310e-1)
  define(C.LOG2, 1.1676998740e-1)
  define(C.LOG3, -1.2420140846e-1)
  define(C.LOG4, 1.4249322787e-1)
  define(C.LOG5, -1.6668057665e-1)
  define(C.LOG6, 2.0000714765e-1)
  define(C.LOG7, -2.4999993993e-1)
  define(C.LOG8, 3.3333331174e-1)
  define(C.LOG_TINY, 1.17549435e-38)
  define(C.MANTISSA, reinterpret<f32>(0x007fffff))
  define(C.ROOT_HALF, 0.707106781186547524)
  define(C.INFINITE, f32.POSITIVE_INFINITY)
}
