/** a * b + c: one rounding in the relaxed build where the machine has FMA, two otherwise. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** Stores the first `count` (1 to 3) float32 lanes. */
// @ts-ignore: decorator
@inline
export function storeLanes(address: usize, value: v128, count: i32): void {
  v128.store_lane<f32>(address, value, 0)
  if (count > 1) v128.store_lane<f32>(address, value, 1, 4)
  if (count > 2) v128.store_lane<f32>(address, value, 2, 8)
}

/** Stores four float32 lanes, or the first `left` of them (at least 1) if fewer are left. */
// @ts-ignore: decorator
@inline
export function storeLeft(address: usize, value: v128, left: i32): void {
  if (left >= 4) v128.store(address, value)
  else storeLanes(address, value, left)
}
