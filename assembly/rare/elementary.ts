import { map } from '../activation'
import { UnaryParams } from '../elementwise'
import { elementaryRow } from './hyperbolic'
import { sine } from './trigonometry'

// Unary operations from number 26 on, in the form of activation.ts: no epilogue holds them.

class Sign {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    const zero = f32x4.splat(0)
    const one = f32x4.splat(1)
    const sign = f32x4.sub(v128.and(f32x4.gt(x, zero), one), v128.and(f32x4.lt(x, zero), one))
    return v128.bitselect(sign, x, f32x4.eq(x, x))
  }
}

class Floor { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.floor(x) } }

class Ceil { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.ceil(x) } }

class Round { @inline apply(x: v128, a: v128, b: v128): v128 { return f32x4.nearest(x) } }

/** Lane by lane: reduction of large arguments has no vector form. */
function sineOfLanes(x: v128, shift: i32): v128 {
  let y = f32x4.splat(sine(f32x4.extract_lane(x, 0), shift))
  y = f32x4.replace_lane(y, 1, sine(f32x4.extract_lane(x, 1), shift))
  y = f32x4.replace_lane(y, 2, sine(f32x4.extract_lane(x, 2), shift))
  return f32x4.replace_lane(y, 3, sine(f32x4.extract_lane(x, 3), shift))
}

class Sin { @inline apply(x: v128, a: v128, b: v128): v128 { return sineOfLanes(x, 0) } }

class Cos { @inline apply(x: v128, a: v128, b: v128): v128 { return sineOfLanes(x, 1) } }

class Shrink {
  @inline apply(x: v128, a: v128, b: v128): v128 {
    const above = v128.and(f32x4.sub(x, b), f32x4.gt(x, a))
    return v128.bitselect(f32x4.add(x, b), above, f32x4.lt(x, f32x4.neg(a)))
  }
}

/** y = kind(x) on float32; `kind` is a number of src/backend/wasm/activations.ts. */
export function elementary_f32(p: UnaryParams, tile: i32, thread: i32): void {
  const from = tile * p.chunk
  const offset = <usize>from << 2
  const x = p.x + offset
  const y = p.y + offset
  const count = min(p.chunk, p.size - from)
  const alpha = p.alpha
  const beta = p.beta
  switch (p.kind) {
    case 26: { map<Sign>(x, y, count, alpha, beta); break }
    case 27: { map<Floor>(x, y, count, alpha, beta); break }
    case 28: { map<Ceil>(x, y, count, alpha, beta); break }
    case 29: { map<Round>(x, y, count, alpha, beta); break }
    case 30: { map<Sin>(x, y, count, alpha, beta); break }
    case 31: { map<Cos>(x, y, count, alpha, beta); break }
    case 41: { map<Shrink>(x, y, count, alpha, beta); break }
    default: elementaryRow(p.kind, x, y, count)
  }
}
