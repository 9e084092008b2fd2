import { Walk } from './walk'
import { Winograd4InputParams } from './winograd-4x4'

// Functions of the core that kernels of other parts call; index.ts exports them.

// @ts-ignore: decorator
@external("core", "columns_f32")
export declare function columns_f32(
  walk: Walk, count: i32, a: usize, lda: i32, b: usize, c: usize, start: usize, startStride: i32, columns: i32, outer: i32,
): void

// @ts-ignore: decorator
@external("core", "winograd_input_4x4_f32")
export declare function winograd_input_4x4_f32(p: Winograd4InputParams, tile: i32, thread: i32): void
