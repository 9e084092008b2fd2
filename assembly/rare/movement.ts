import { stridedCopy, StridedCopyParams, transposePlanes, TransposeParams } from '../movement'

/** As strided_copy_w32, for elements of other sizes. */
export function strided_copy_any(p: StridedCopyParams, tile: i32, thread: i32): void {
  switch (p.elementBytes) {
    case 1: { stridedCopy<u8>(p, tile); break }
    case 2: { stridedCopy<u16>(p, tile); break }
    default: stridedCopy<u64>(p, tile)
  }
}

/** As transpose_w32, for elements of other sizes. */
export function transpose_any(p: TransposeParams, tile: i32, thread: i32): void {
  switch (p.elementBytes) {
    case 1: { transposePlanes<u8>(p, tile); break }
    case 2: { transposePlanes<u16>(p, tile); break }
    default: transposePlanes<u64>(p, tile)
  }
}
