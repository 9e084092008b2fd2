import {
  columns_1x8_f32, columns_2x8_f32, columns_3x8_f32, columns_4x8_f32, columns_5x8_f32, columns_6x8_f32,
  rows_1x8_f32, rows_2x8_f32, rows_3x8_f32, rows_4x8_f32, rows_5x8_f32, rows_6x8_f32,
} from './gen/microkernels'
import { Walk } from './walk'

/**
 * Height of the register tile of float32. A step of k takes half the time with FMA: there 4 rows wait for the decoding of
 * loads and additions of addresses, which 6 rows share between more products. Without FMA 4 rows are as fast as 6. V8 11
 * keeps some of 6 rows in memory with FMA and is a quarter slower, but takes the relaxed build only when forced.
 */
// @ts-ignore: decorator
@inline
export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4

/** Rows of the next tile where `left` are left: the last two tiles share theirs, so that none has one row only. */
// @ts-ignore: decorator
@inline
export function tileHeight(left: i32): i32 {
  return left >= 2 * TILE_ROWS ? TILE_ROWS : left <= TILE_ROWS ? left : (left + 1) >> 1
}

/** C[count][columns] from rows of A at a0 to a5, of which the first `count` are read. */
export function rows_f32(
  walk: Walk, count: i32, b: usize, c: usize, start: usize, startStride: i32, columns: i32, outer: i32,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  switch (count) {
    case 1: { rows_1x8_f32(walk, b, c, start, startStride, columns, outer, a0); break }
    case 2: { rows_2x8_f32(walk, b, c, start, startStride, columns, outer, a0, a1); break }
    case 3: { rows_3x8_f32(walk, b, c, start, startStride, columns, outer, a0, a1, a2); break }
    case 4: { rows_4x8_f32(walk, b, c, start, startStride, columns, outer, a0, a1, a2, a3); break }
    default:
      if (TILE_ROWS > 4) {
        if (count == 5) rows_5x8_f32(walk, b, c, start, startStride, columns, outer, a0, a1, a2, a3, a4)
        else rows_6x8_f32(walk, b, c, start, startStride, columns, outer, a0, a1, a2, a3, a4, a5)
      }
  }
}

/** C[count][columns] from `count` neighbouring columns of A, `lda` bytes from k to k. */
export function columns_f32(
  walk: Walk, count: i32, a: usize, lda: i32, b: usize, c: usize, start: usize, startStride: i32, columns: i32, outer: i32,
): void {
  switch (count) {
    case 1: { columns_1x8_f32(walk, a, lda, b, c, start, startStride, columns, outer); break }
    case 2: { columns_2x8_f32(walk, a, lda, b, c, start, startStride, columns, outer); break }
    case 3: { columns_3x8_f32(walk, a, lda, b, c, start, startStride, columns, outer); break }
    case 4: { columns_4x8_f32(walk, a, lda, b, c, start, startStride, columns, outer); break }
    default:
      if (TILE_ROWS > 4) {
        if (count == 5) columns_5x8_f32(walk, a, lda, b, c, start, startStride, columns, outer)
        else columns_6x8_f32(walk, a, lda, b, c, start, startStride, columns, outer)
      }
  }
}
