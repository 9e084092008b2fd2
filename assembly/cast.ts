// @ts-ignore: decorator
@unmanaged
export class CastParams { x: usize; y: usize; size: i32; chunk: i32; from: i32; to: i32 }

/** Element types of a cast: the numbers of src/backend/wasm/lower/elementwise.ts. */
function convert<F, T>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += sizeof<F>(), y += sizeof<T>()) store<T>(y, <T>load<F>(x))
}

/** Floats to integers of fewer than 32 bits: toward zero, then wrapped, as from int32. */
function truncate<T>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += 4, y += sizeof<T>()) store<T>(y, <T>(<i32>load<f32>(x)))
}

function truth<F>(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += sizeof<F>(), y++) store<u8>(y, load<F>(x) != <F>0 ? 1 : 0)
}

/** To type `to`: 0 float32, 1 int32, 2 int64, 3 uint8, 4 int8, 5 bool. */
function convertFrom<F>(to: i32, x: usize, y: usize, count: i32): void {
  switch (to) {
    case 0: { convert<F, f32>(x, y, count); break }
    case 1: { convert<F, i32>(x, y, count); break }
    case 2: { convert<F, i64>(x, y, count); break }
    case 3: { if (isFloat<F>()) truncate<u8>(x, y, count); else convert<F, u8>(x, y, count); break }
    case 4: { if (isFloat<F>()) truncate<i8>(x, y, count); else convert<F, i8>(x, y, count); break }
    case 5: { truth<F>(x, y, count); break }
    default: unreachable()
  }
}

/** y = x as another type. Floats go to integers toward zero; out of range the result is unspecified. Bool sources hold 0 or 1. */
export function cast(p: CastParams, tile: i32, thread: i32): void {
  const first = tile * p.chunk
  const count = min(p.chunk, p.size - first)
  const x = p.x + <usize>(first * widthOf(p.from))
  const y = p.y + <usize>(first * widthOf(p.to))
  switch (p.from) {
    case 0: { convertFrom<f32>(p.to, x, y, count); break }
    case 1: { convertFrom<i32>(p.to, x, y, count); break }
    case 2: { convertFrom<i64>(p.to, x, y, count); break }
    case 3:
    case 5: { convertFrom<u8>(p.to, x, y, count); break }
    case 4: { convertFrom<i8>(p.to, x, y, count); break }
    default: unreachable()
  }
}

function widthOf(type: i32): i32 {
  return type == 2 ? 8 : type < 2 ? 4 : 1
}
