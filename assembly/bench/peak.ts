import { madd } from '../simd'

/** Independent chains in `peak`: they hide the latency of a multiply and an add, and fit into the registers. */
export function chains(): i32 {
  return 12
}

/**
 * `steps` multiply-adds of four lanes in each chain, all in registers; gives a sum, so that all of it is needed.
 * Factor and summand are operands, as V8 writes a constant anew at each use.
 */
export function peak(steps: i32, factor: f32, summand: f32): f32 {
  const x = f32x4.splat(factor)
  const y = f32x4.splat(summand)
  let a = f32x4.splat(1)
  let b = f32x4.splat(2)
  let c = f32x4.splat(3)
  let d = f32x4.splat(4)
  let e = f32x4.splat(5)
  let f = f32x4.splat(6)
  let g = f32x4.splat(7)
  let h = f32x4.splat(8)
  let i = f32x4.splat(9)
  let j = f32x4.splat(10)
  let k = f32x4.splat(11)
  let l = f32x4.splat(12)
  for (let step = 0; step < steps; step++) {
    a = madd(a, x, y)
    b = madd(b, x, y)
    c = madd(c, x, y)
    d = madd(d, x, y)
    e = madd(e, x, y)
    f = madd(f, x, y)
    g = madd(g, x, y)
    h = madd(h, x, y)
    i = madd(i, x, y)
    j = madd(j, x, y)
    k = madd(k, x, y)
    l = madd(l, x, y)
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(a, b), c), d), e), f), g), h), i), j), k), l)
  return f32x4.extract_lane(sum, 0)
}
