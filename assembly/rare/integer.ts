import { rowOffset } from '../binary'

// Integer types: 0 int8, 1 uint8, 2 int16, 3 uint16, 4 int32, 5 uint32, 6 int64, 7 uint64; then 8 float32, 9 float64, 10 bool.

export function bytesOfType(type: i32): i32 {
  return type < 8 ? 1 << (type >> 1) : type == 8 ? 4 : type == 9 ? 8 : 1
}

/** The integer of `type` at `address`, extended to 64 bits. */
export function loadInteger(address: usize, type: i32): i64 {
  switch (type) {
    case 0: return load<i8>(address)
    case 2: return load<i16>(address)
    case 3: return load<u16>(address)
    case 4: return load<i32>(address)
    case 5: return load<u32>(address)
    case 6:
    case 7: return load<i64>(address)
    default: return load<u8>(address)
  }
}

/** Stores the low bits of `value`. */
export function storeInteger(address: usize, type: i32, value: i64): void {
  switch (bytesOfType(type)) {
    case 1: { store<u8>(address, <u8>value); break }
    case 2: { store<u16>(address, <u16>value); break }
    case 4: { store<u32>(address, <u32>value); break }
    default: store<i64>(address, value)
  }
}

/**
 * As BinaryParams, on integers of `type`; results are of `yType`, the same or bool (as uint8). Where b is 0, the second
 * operand is `immediate`. No divisor is 0.
 */
// @ts-ignore: decorator
@unmanaged
export class IntegerParams { a: usize; b: usize; y: usize; size: i32; chunk: i32; operation: i32; inner: i32; aStep: i32; bStep: i32; rank: i32; type: i32; yType: i32; immediate: i32 }

/** The numbers of the operations are those of src/backend/wasm/lower/integer.ts. */
function apply(operation: i32, a: i64, b: i64, type: i32): i64 {
  // uint64 compares as int64 does with the first bit turned.
  const turn: i64 = type == 7 ? i64.MIN_VALUE : 0
  switch (operation) {
    case 0: return a + b
    case 1: return a - b
    case 2: return a * b
    case 3: return type == 7 ? <i64>(<u64>a / <u64>b) : b == -1 ? -a : a / b
    case 4: {
      if (type == 7) return <i64>(<u64>a % <u64>b)
      const rest = a % b
      return rest != 0 && rest < 0 != b < 0 ? rest + b : rest
    }
    case 5: return type == 7 ? <i64>(<u64>a % <u64>b) : a % b
    case 6: return (a ^ turn) > (b ^ turn) ? a : b
    case 7: return (a ^ turn) < (b ^ turn) ? a : b
    case 8: return a & b
    case 9: return a | b
    case 10: return a ^ b
    case 11: return <u64>b < 64 ? a << b : 0
    case 12: return <u64>b < 64 ? <i64>(<u64>a >> b) : 0
    case 13: return i64(a == b)
    case 14: return i64((a ^ turn) > (b ^ turn))
    case 15: return i64((a ^ turn) >= (b ^ turn))
    case 16: return i64((a ^ turn) < (b ^ turn))
    case 17: return i64((a ^ turn) <= (b ^ turn))
    case 18: return a < 0 ? -a : a
    default: return i64(a > 0) - i64(a < 0)
  }
}

/** y = operation(a, b), broadcast, on integers of any type; results wrap. */
export function integer_binary(p: IntegerParams, tile: i32, thread: i32): void {
  const dims = changetype<usize>(p) + offsetof<IntegerParams>()
  const words = <usize>p.rank << 2
  const inner = p.inner, type = p.type, operation = p.operation
  const bytes = <usize>bytesOfType(type)
  const yBytes = <usize>bytesOfType(p.yType)
  const aStep = bytes * p.aStep, bStep = bytes * p.bStep
  let at = tile * p.chunk
  const to = min(at + p.chunk, p.size)
  while (at < to) {
    const row = at / inner
    const column = at - row * inner
    const count = min(inner - column, to - at)
    let a = p.a + <usize>rowOffset(dims, dims + words, p.rank, row) * bytes + column * aStep
    let b = p.b == 0 ? <usize>0 : p.b + <usize>rowOffset(dims, dims + 2 * words, p.rank, row) * bytes + column * bStep
    let y = p.y + <usize>at * yBytes
    for (let i = 0; i < count; i++, a += aStep, b += bStep, y += yBytes) {
      const right = p.b == 0 ? <i64>p.immediate : loadInteger(b, type)
      storeInteger(y, p.yType, apply(operation, loadInteger(a, type), right, type))
    }
    at += count
  }
}

// @ts-ignore: decorator
@unmanaged
export class ConvertParams { x: usize; y: usize; size: i32; chunk: i32; from: i32; to: i32 }

/** y = x as another type. Floats go to integers toward zero; out of range the result is unspecified. */
export function convert_any(p: ConvertParams, tile: i32, thread: i32): void {
  const from = p.from, to = p.to
  const end = min((tile + 1) * p.chunk, p.size)
  const xBytes = bytesOfType(from), yBytes = bytesOfType(to)
  for (let i = tile * p.chunk; i < end; i++) {
    const x = p.x + <usize>i * xBytes
    const y = p.y + <usize>i * yBytes
    if (from == 8 || from == 9) {
      const value = from == 8 ? <f64>load<f32>(x) : load<f64>(x)
      if (to == 8) store<f32>(y, <f32>value)
      else if (to == 9) store<f64>(y, value)
      else if (to == 10) store<u8>(y, u8(value != 0))
      else storeInteger(y, to, to == 7 ? <i64><u64>value : <i64>value)
      continue
    }
    const value = loadInteger(x, from)
    if (to == 8) store<f32>(y, from == 7 ? <f32><u64>value : <f32>value)
    else if (to == 9) store<f64>(y, from == 7 ? <f64><u64>value : <f64>value)
    else storeInteger(y, to, to == 10 ? i64(value != 0) : value)
  }
}

/** The list holds 256 elements of `elementBytes` (1, 2, 4 or 8) bytes. */
// @ts-ignore: decorator
@unmanaged
export class LookupParams { x: usize; y: usize; size: i32; chunk: i32; elementBytes: i32 }

/** y = the table's element for each byte of x. */
export function lookup_b8(p: LookupParams, tile: i32, thread: i32): void {
  const table = changetype<usize>(p) + offsetof<LookupParams>()
  const end = min((tile + 1) * p.chunk, p.size)
  const bytes = <usize>p.elementBytes
  for (let i = tile * p.chunk; i < end; i++) {
    const element = table + load<u8>(p.x + <usize>i) * bytes
    const y = p.y + <usize>i * bytes
    switch (p.elementBytes) {
      case 1: { store<u8>(y, load<u8>(element)); break }
      case 2: { store<u16>(y, load<u16>(element)); break }
      case 4: { store<u32>(y, load<u32>(element)); break }
      default: store<u64>(y, load<u64>(element))
    }
  }
}
