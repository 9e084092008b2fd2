import { sine } from './trigonometry'

// The functions that networks seldom hold, one element at a time, in float64: relative error below 2^-23 after rounding to
// float32 (Tan: as sine and cosine). The numbers are those of src/backend/wasm/activations.ts.

/** log(1 + x) and e^x - 1 keep small arguments exact. */
function elementary(kind: i32, value: f32): f64 {
  const x = <f64>value
  const size = abs(x)
  switch (kind) {
    case 32: return <f64>sine(value, 0) / <f64>sine(value, 1)
    case 33: return NativeMath.atan(x / sqrt((1 - x) * (1 + x)))
    case 34: return 1.57079632679489661923 - NativeMath.atan(x / sqrt((1 - x) * (1 + x)))
    case 35: return NativeMath.atan(x)
    case 36: {
      const t = NativeMath.expm1(size)
      return copysign<f64>(t == Infinity ? t : 0.5 * (t + t / (t + 1)), x)
    }
    case 37: {
      const t = NativeMath.expm1(size)
      return t == Infinity ? t : 1 + t * t / (2 * (t + 1))
    }
    case 38: {
      const t = size == Infinity ? size : size + x * x / (1 + sqrt(1 + x * x))
      return copysign<f64>(NativeMath.log1p(t), x)
    }
    case 39: return x < 1 ? NaN : NativeMath.log1p(x - 1 + sqrt((x - 1) * (x + 1)))
    default: return copysign<f64>(0.5 * NativeMath.log1p(2 * size / (1 - size)), x)
  }
}

/** y = kind(x) for `count` float32; x and y are the same or disjoint. */
export function elementaryRow(kind: i32, x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += 4, y += 4) store<f32>(y, <f32>elementary(kind, load<f32>(x)))
}
