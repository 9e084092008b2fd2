/**
 * How a microkernel walks its operands: the leading fields of every parameter block of gemm.ts and conv.ts, in this order.
 * Strides are in bytes. A is read in `outer` x `inner` runs of `run` elements; B advances by `ldb` a step of k and by
 * `panelStride` every 8 columns; rows of C lie `ldc` apart; results below `lower` are raised to it (-Infinity: none).
 */
// @ts-ignore: decorator
@unmanaged
export class Walk {
  ldb: i32
  panelStride: i32
  ldc: i32
  outer: i32
  outerStride: i32
  inner: i32
  innerStride: i32
  run: i32
  lower: f32
}
