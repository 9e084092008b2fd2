import { erf, exp, expm1, log, sigmoid, softplus, storeLanes, swish, tanh } from './math'
import { madd } from './simd'

// One class an operation: `apply` maps four lanes, with the operation's two parameters in every lane of a and b.
// The numbers of the operations are those of src/backend/wasm/activations.ts; rare/elementary.ts has those from 26 on.

class Identity { @inline apply(x: v128, a: v128, b: v128): v128 { return x } }

class Relu {
  @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.pmax(x, f32x4.splat(0)) }
}

class LeakyRelu {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    return v128.bitselect(f32x4.mul(x, a), x, f32x4.lt(x, f32x4.splat(0)))
  }
}

class Elu {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    return v128.bitselect(f32x4.mul(a, expm1(x)), x, f32x4.lt(x, f32x4.splat(0)))
  }
}

class Selu {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    return f32x4.mul(b, v128.bitselect(f32x4.mul(a, expm1(x)), x, f32x4.lt(x, f32x4.splat(0))))
  }
}

class Sigmoid { @inline apply(x: v128, a: v128, b: v128): v128 { return sigmoid(x) } }

class Tanh { @inline apply(x: v128, a: v128, b: v128): v128 { return tanh(x) } }

class Softplus { @inline apply(x: v128, a: v128, b: v128): v128 { return softplus(x) } }

class Softsign {
  @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.div(x, f32x4.add(f32x4.abs(x), f32x4.splat(1))) }
}

class HardSigmoid {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    return f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(x, a), b), f32x4.splat(0)), f32x4.splat(1))
  }
}

class HardSwish {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    const gate = f32x4.add(f32x4.mul(x, f32x4.splat(1.0 / 6.0)), f32x4.splat(0.5))
    return f32x4.mul(x, f32x4.pmin(f32x4.pmax(gate, f32x4.splat(0)), f32x4.splat(1)))
  }
}

class Gelu {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    const phi = f32x4.add(f32x4.splat(0.5), f32x4.mul(f32x4.splat(0.5), erf(f32x4.mul(x, f32x4.splat(0.70710678118654752)))))
    return f32x4.mul(x, phi)
  }
}

class GeluTanh {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    const cubic = f32x4.mul(f32x4.mul(x, x), x)
    const inner = f32x4.mul(f32x4.splat(0.79788456080286536), madd(f32x4.splat(0.044715), cubic, x))
    return f32x4.mul(x, f32x4.add(f32x4.splat(0.5), f32x4.mul(f32x4.splat(0.5), tanh(inner))))
  }
}

class Exp { @inline apply(x: v128, a: v128, b: v128): v128 { return exp(x) } }

class Celu {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    return v128.bitselect(f32x4.mul(a, expm1(f32x4.div(x, a))), x, f32x4.lt(x, f32x4.splat(0)))
  }
}

class ThresholdedRelu {
  @inline apply(x: v128, a: v128, b: v128): v128 { return v128.and(x, f32x4.gt(x, a)) }
}

class Clip {
  @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.pmin(f32x4.pmax(x, a), b) }
}

class Swish {
  @inline apply(x: v128, a: v128, b: v128): v128 { return swish(x, a) }
}

class Mish { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.mul(x, tanh(softplus(x))) } }

class Neg { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.neg(x) } }

class Abs { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.abs(x) } }

class Sqrt { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.sqrt(x) } }

class Reciprocal { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.div(f32x4.splat(1), x) } }

class Log { @inline apply(x: v128, a: v128, b: v128): v128 { return log(x) } }

class Erf { @inline apply(x: v128, a: v128, b: v128): v128 { return erf(x) } }

class Scale { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.mul(x, a) } }

/** y = T(x) for `count` float32. */
export function map<T>(x: usize, y: usize, count: i32, alpha: f32, beta: f32): void {
  const operation = changetype<T>(<usize>0)
  const a = f32x4.splat(alpha)
  const b = f32x4.splat(beta)
  let i = 0
  for (; i + 4 <= count; i += 4, x += 16, y += 16) v128.store(y, operation.apply(v128.load(x), a, b))
  if (i < count) storeLanes(y, operation.apply(v128.load(x), a, b), count - i)
}

/** As map, for operations whose code is long: it is there once, and asks after each vector whether it was the last. */
function mapOnce<T>(x: usize, y: usize, count: i32, alpha: f32, beta: f32): void {
  const operation = changetype<T>(<usize>0)
  const a = f32x4.splat(alpha)
  const b = f32x4.splat(beta)
  for (; count > 0; count -= 4, x += 16, y += 16) storeLanes(y, operation.apply(v128.load(x), a, b), count)
}

/** y = kind(x) for `count` float32; x and y are the same or disjoint. Reads, never writes, up to 12 bytes past x. */
export function unary(kind: i32, x: usize, y: usize, count: i32, alpha: f32, beta: f32): void {
  switch (kind) {
    case 0: { map<Identity>(x, y, count, alpha, beta); break }
    case 1: { map<Relu>(x, y, count, alpha, beta); break }
    case 2: { map<LeakyRelu>(x, y, count, alpha, beta); break }
    case 3: { mapOnce<Elu>(x, y, count, alpha, beta); break }
    case 4: { mapOnce<Selu>(x, y, count, alpha, beta); break }
    case 5: { mapOnce<Sigmoid>(x, y, count, alpha, beta); break }
    case 6: { mapOnce<Tanh>(x, y, count, alpha, beta); break }
    case 7: { mapOnce<Softplus>(x, y, count, alpha, beta); break }
    case 8: { map<Softsign>(x, y, count, alpha, beta); break }
    case 9: { map<HardSigmoid>(x, y, count, alpha, beta); break }
    case 10: { map<HardSwish>(x, y, count, alpha, beta); break }
    case 11: { mapOnce<Gelu>(x, y, count, alpha, beta); break }
    case 12: { mapOnce<GeluTanh>(x, y, count, alpha, beta); break }
    case 13: { mapOnce<Exp>(x, y, count, alpha, beta); break }
    case 14: { mapOnce<Celu>(x, y, count, alpha, beta); break }
    case 15: { map<ThresholdedRelu>(x, y, count, alpha, beta); break }
    case 16: { map<Clip>(x, y, count, alpha, beta); break }
    case 17: { mapOnce<Swish>(x, y, count, alpha, beta); break }
    case 18: { mapOnce<Mish>(x, y, count, alpha, beta); break }
    case 19: { map<Neg>(x, y, count, alpha, beta); break }
    case 20: { map<Abs>(x, y, count, alpha, beta); break }
    case 21: { map<Sqrt>(x, y, count, alpha, beta); break }
    case 22: { map<Reciprocal>(x, y, count, alpha, beta); break }
    case 23: { mapOnce<Log>(x, y, count, alpha, beta); break }
    case 24: { mapOnce<Erf>(x, y, count, alpha, beta); break }
    case 25: { map<Scale>(x, y, count, alpha, beta); break }
    default: unreachable()
  }
}

/** Applies activation `kind` in place to `count` float32 at `pointer`: the epilogue of matrix products and convolutions. */
export function activate(kind: i32, pointer: usize, count: i32, alpha: f32, beta: f32): void {
  if (kind != 0) unary(kind, pointer, pointer, count, alpha, beta)
}
