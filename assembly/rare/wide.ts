import { DIVIDED_BY_ZERO } from '../faults'

// Blocks of elements in the widest form of their type: int64 for integers (uint64 as its bits) and bool, float64 for floats. An
// operation is written once, on two of them at a time. Types are those of scalar.ts. Blocks may be read one element past their end.

/** Elements of a block, and the bytes that it takes. */
export const BLOCK: i32 = 512
export const BLOCK_BYTES: usize = 4096

/** Whether elements of `type` lie in memory as they do in blocks. */
// @ts-ignore: decorator
@inline
export function isWide(type: i32): bool { return type == 6 || type == 7 || type == 9 }

// @ts-ignore: decorator
@inline
export function isReal(type: i32): bool { return type == 8 || type == 9 }

function convert<F, T>(y: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += sizeof<F>(), y += sizeof<T>()) store<T>(y, <T>load<F>(x))
}

// The commonest conversions, several elements at a time; the rest is left to `convert`. Each returns how many it has done.

function widenWords(y: usize, x: usize, type: i32, count: i32): i32 {
  const end = count & ~1
  for (let i = 0; i < end; i += 2, x += 8, y += 16) {
    if (type == 4) v128.store(y, v128.load32x2_s(x))
    else if (type == 5) v128.store(y, v128.load32x2_u(x))
    else v128.store(y, f64x2.promote_low_f32x4(v128.load64_zero(x)))
  }
  return end
}

function narrowReals(y: usize, x: usize, count: i32): i32 {
  const end = count & ~1
  for (let i = 0; i < end; i += 2, x += 16, y += 8) v128.store64_lane(y, f32x4.demote_f64x2_zero(v128.load(x)), 0)
  return end
}

/** The lower halves of four elements. */
// @ts-ignore: decorator
@inline
function lowWords(x: usize): v128 {
  return v128.shuffle<i32>(v128.load(x), v128.load(x, 16), 0, 2, 4, 6)
}

function narrowWords(y: usize, x: usize, count: i32): i32 {
  const end = count & ~3
  for (let i = 0; i < end; i += 4, x += 32, y += 16) v128.store(y, lowWords(x))
  return end
}

function narrowBytes(y: usize, x: usize, count: i32): i32 {
  const end = count & ~7
  const mask = i32x4.splat(0xff)
  for (let i = 0; i < end; i += 8, x += 64, y += 8) {
    const words = i16x8.narrow_i32x4_s(v128.and(lowWords(x), mask), v128.and(lowWords(x + 32), mask))
    v128.store64_lane(y, i8x16.narrow_i16x8_u(words, words), 0)
  }
  return end
}

/** y = a block of the `count` elements of `type` at x. */
export function widen(y: usize, x: usize, type: i32, count: i32): void {
  switch (type) {
    case 0: { convert<i8, i64>(y, x, count); break }
    case 2: { convert<i16, i64>(y, x, count); break }
    case 3: { convert<u16, i64>(y, x, count); break }
    case 4:
    case 5:
    case 8: {
      const done = widenWords(y, x, type, count)
      if (done == count) return
      const at = y + (<usize>done << 3), from = x + (<usize>done << 2)
      if (type == 4) store<i64>(at, load<i32>(from))
      else if (type == 5) store<i64>(at, load<u32>(from))
      else store<f64>(at, load<f32>(from))
      break
    }
    case 1:
    case 10: { convert<u8, i64>(y, x, count); break }
    default: memory.copy(y, x, <usize>count << 3)
  }
}

function truncate<T>(y: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += 8, y += sizeof<T>()) store<T>(y, <T><i64>load<f64>(x))
}

function truth<F>(y: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += 8, y++) store<u8>(y, u8(load<F>(x) != <F>0))
}

/** The first `count` elements at y, of `type`, from a block of `from`'s. Integers wrap; floats go to integers toward zero, out of range the result is unspecified. */
export function narrow(y: usize, x: usize, from: i32, type: i32, count: i32): void {
  if (isReal(from)) {
    switch (type) {
      case 0:
      case 1: { truncate<i8>(y, x, count); break }
      case 2:
      case 3: { truncate<i16>(y, x, count); break }
      case 4:
      case 5: { truncate<i32>(y, x, count); break }
      case 6: { truncate<i64>(y, x, count); break }
      case 7: { convert<f64, u64>(y, x, count); break }
      case 8: {
        const done = narrowReals(y, x, count)
        convert<f64, f32>(y + (<usize>done << 2), x + (<usize>done << 3), count - done)
        break
      }
      case 9: { memory.copy(y, x, <usize>count << 3); break }
      default: truth<f64>(y, x, count)
    }
    return
  }
  switch (type) {
    case 0:
    case 1: {
      const done = narrowBytes(y, x, count)
      convert<i64, i8>(y + done, x + (<usize>done << 3), count - done)
      break
    }
    case 2:
    case 3: { convert<i64, i16>(y, x, count); break }
    case 4:
    case 5: {
      const done = narrowWords(y, x, count)
      convert<i64, i32>(y + (<usize>done << 2), x + (<usize>done << 3), count - done)
      break
    }
    case 8: { if (from == 7) convert<u64, f32>(y, x, count); else convert<i64, f32>(y, x, count); break }
    case 9: { if (from == 7) convert<u64, f64>(y, x, count); else convert<i64, f64>(y, x, count); break }
    case 10: { truth<i64>(y, x, count); break }
    default: memory.copy(y, x, <usize>count << 3)
  }
}

/** Bools at y from the results of a comparison. */
export function narrowMasks(y: usize, x: usize, count: i32): void {
  let i = 0
  const one = i32x4.splat(1)
  for (; i + 8 <= count; i += 8, x += 64, y += 8) {
    const words = i16x8.narrow_i32x4_s(v128.and(lowWords(x), one), v128.and(lowWords(x + 32), one))
    v128.store64_lane(y, i8x16.narrow_i16x8_u(words, words), 0)
  }
  for (; i < count; i++, x += 8, y++) store<u8>(y, load<u8>(x) & 1)
}

/** A block of one element of `type`. */
export function repeat(y: usize, x: usize, type: i32, count: i32): void {
  widen(y, x, type, 1)
  const value = v128.load64_splat(y)
  for (let i = 0; i < count; i += 2, y += 16) v128.store(y, value)
}

// One class an operation: `apply` maps two lanes; comparisons give -1 or 0. `turn` has the first bit set where elements are uint64,
// which compare as int64 does with that bit turned.

class Add { @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.add(a, b) } }
class Sub { @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.sub(a, b) } }
class Mul { @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.mul(a, b) } }
class And { @inline apply(a: v128, b: v128, turn: v128): v128 { return v128.and(a, b) } }
class Or { @inline apply(a: v128, b: v128, turn: v128): v128 { return v128.or(a, b) } }
class Xor { @inline apply(a: v128, b: v128, turn: v128): v128 { return v128.xor(a, b) } }
class Equal { @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.eq(a, b) } }
class Greater {
  @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.gt_s(v128.xor(a, turn), v128.xor(b, turn)) }
}
class GreaterOrEqual {
  @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.ge_s(v128.xor(a, turn), v128.xor(b, turn)) }
}
class Max {
  @inline apply(a: v128, b: v128, turn: v128): v128 {
    return v128.bitselect(a, b, i64x2.gt_s(v128.xor(a, turn), v128.xor(b, turn)))
  }
}
class Min {
  @inline apply(a: v128, b: v128, turn: v128): v128 {
    return v128.bitselect(b, a, i64x2.gt_s(v128.xor(a, turn), v128.xor(b, turn)))
  }
}
class Abs { @inline apply(a: v128, b: v128, turn: v128): v128 { return i64x2.abs(a) } }
class Sign {
  @inline apply(a: v128, b: v128, turn: v128): v128 {
    const zero = i64x2.splat(0)
    return i64x2.sub(i64x2.gt_s(zero, a), i64x2.gt_s(a, zero))
  }
}
class SignUnsigned {
  @inline apply(a: v128, b: v128, turn: v128): v128 {
    const zero = i64x2.splat(0)
    return i64x2.sub(zero, i64x2.ne(a, zero))
  }
}

class AddReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.add(a, b) } }
class SubReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.sub(a, b) } }
class MulReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.mul(a, b) } }
class DivReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.div(a, b) } }
class MaxReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.max(a, b) } }
class MinReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.min(a, b) } }
class EqualReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.eq(a, b) } }
class GreaterReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.gt(a, b) } }
class GreaterOrEqualReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.ge(a, b) } }
class AbsReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.abs(a) } }
class SqrtReal { @inline apply(a: v128, b: v128, turn: v128): v128 { return f64x2.sqrt(a) } }

/** y = the operation T of blocks a and b. */
function each<T>(y: usize, a: usize, b: usize, count: i32, turn: v128): void {
  const operation = changetype<T>(<usize>0)
  let i = 0
  for (; i + 2 <= count; i += 2, a += 16, b += 16, y += 16)
    v128.store(y, operation.apply(v128.load(a), v128.load(b), turn))
  if (i < count) v128.store64_lane(y, operation.apply(v128.load(a), v128.load(b), turn), 0)
}

const FLOOR: i32 = 1
const REMAINDER: i32 = 2
/** What is added to an integer of magnitude 2^51 and less to have the bits of a float64 that is larger than it by MAGIC. */
const MAGIC_BITS: i64 = 0x4338000000000000
const MAGIC: f64 = 6755399441055744.0

/** The quotient toward zero of a / b, or with REMAINDER what is left: of the dividend's sign, with FLOOR of the divisor's. */
function divideOne(a: i64, b: i64, kind: i32, isUnsigned: bool): i64 {
  if (b == 0) {
    store<i32>(DIVIDED_BY_ZERO, 1)
    return 0
  }
  if (!(kind & REMAINDER)) return isUnsigned ? <i64>(<u64>a / <u64>b) : b == -1 ? -a : a / b
  if (isUnsigned) return <i64>(<u64>a % <u64>b)
  const rest = a % b
  return kind & FLOOR && rest != 0 && rest < 0 != b < 0 ? rest + b : rest
}

/**
 * The same of blocks. Integers below 2^50 are divided as float64: the rounded quotient is no whole number unless the exact one
 * is, as that is further from one than by a rounding.
 */
// @ts-ignore: decorator
@inline
function divide(y: usize, a: usize, b: usize, count: i32, kind: i32, isUnsigned: bool): void {
  const shift = i64x2.splat(isUnsigned ? 0 : 1 << 50)
  const zero = i64x2.splat(0)
  const bits = i64x2.splat(MAGIC_BITS), magic = f64x2.splat(MAGIC)
  let i = 0
  for (; i + 2 <= count; i += 2, a += 16, b += 16, y += 16) {
    const dividend = v128.load(a), divisor = v128.load(b)
    const far = i64x2.shr_u(v128.or(i64x2.add(dividend, shift), i64x2.add(divisor, shift)), 51)
    if (v128.any_true(v128.or(far, i64x2.eq(divisor, zero)))) {
      store<i64>(y, divideOne(load<i64>(a), load<i64>(b), kind, isUnsigned))
      store<i64>(y, divideOne(load<i64>(a, 8), load<i64>(b, 8), kind, isUnsigned), 8)
      continue
    }
    const x = f64x2.sub(i64x2.add(dividend, bits), magic), by = f64x2.sub(i64x2.add(divisor, bits), magic)
    let result = f64x2.trunc(f64x2.div(x, by))
    if (kind & REMAINDER) {
      result = f64x2.sub(x, f64x2.mul(result, by))
      if (kind & FLOOR) {
        const apart = v128.xor(f64x2.lt(result, zero), f64x2.lt(by, zero))
        result = f64x2.add(result, v128.and(by, v128.and(apart, f64x2.ne(result, zero))))
      }
    }
    v128.store(y, i64x2.sub(f64x2.add(result, magic), bits))
  }
  if (i < count) store<i64>(y, divideOne(load<i64>(a), load<i64>(b), kind, isUnsigned))
}

/** x to the power of n, wrapped; of a negative n what is left of the fraction toward zero. */
function power(x: i64, n: i64): i64 {
  if (n < 0) return x == 1 ? 1 : x == -1 ? (n & 1 ? -1 : 1) : 0
  let result: i64 = 1
  for (; n > 0; n >>= 1, x *= x) if (n & 1) result *= x
  return result
}

function powers(y: usize, a: usize, b: usize, count: i32): void {
  for (let i = 0; i < count; i++, a += 8, b += 8, y += 8) store<i64>(y, power(load<i64>(a), load<i64>(b)))
}

function shifts(y: usize, a: usize, b: usize, count: i32, left: bool): void {
  for (let i = 0; i < count; i++, a += 8, b += 8, y += 8) {
    const x = load<u64>(a), n = load<u64>(b)
    store<u64>(y, n >= 64 ? 0 : left ? x << n : x >> n)
  }
}

/** y = operation(a, b) of blocks of `type`; comparisons give -1 or 0 in each place. The numbers are those of src/backend/wasm/lower/wide.ts. */
export function applyBlock(operation: i32, y: usize, a: usize, b: usize, type: i32, count: i32): void {
  const turn = i64x2.splat(type == 7 ? i64.MIN_VALUE : 0)
  if (isReal(type)) {
    switch (operation) {
      case 0: { each<AddReal>(y, a, b, count, turn); break }
      case 1: { each<SubReal>(y, a, b, count, turn); break }
      case 2: { each<MulReal>(y, a, b, count, turn); break }
      case 3: { each<DivReal>(y, a, b, count, turn); break }
      case 6: { each<MaxReal>(y, a, b, count, turn); break }
      case 7: { each<MinReal>(y, a, b, count, turn); break }
      case 13: { each<EqualReal>(y, a, b, count, turn); break }
      case 14: { each<GreaterReal>(y, a, b, count, turn); break }
      case 15: { each<GreaterOrEqualReal>(y, a, b, count, turn); break }
      case 16: { each<GreaterReal>(y, b, a, count, turn); break }
      case 17: { each<GreaterOrEqualReal>(y, b, a, count, turn); break }
      case 18: { each<AbsReal>(y, a, b, count, turn); break }
      case 21: { each<SqrtReal>(y, a, b, count, turn); break }
      default: unreachable()
    }
    return
  }
  const isUnsigned = type == 7
  switch (operation) {
    case 0: { each<Add>(y, a, b, count, turn); break }
    case 1: { each<Sub>(y, a, b, count, turn); break }
    case 2: { each<Mul>(y, a, b, count, turn); break }
    case 3: { divide(y, a, b, count, 0, isUnsigned); break }
    case 4: { divide(y, a, b, count, REMAINDER | FLOOR, isUnsigned); break }
    case 5: { divide(y, a, b, count, REMAINDER, isUnsigned); break }
    case 6: { each<Max>(y, a, b, count, turn); break }
    case 7: { each<Min>(y, a, b, count, turn); break }
    case 8: { each<And>(y, a, b, count, turn); break }
    case 9: { each<Or>(y, a, b, count, turn); break }
    case 10: { each<Xor>(y, a, b, count, turn); break }
    case 11: { shifts(y, a, b, count, true); break }
    case 12: { shifts(y, a, b, count, false); break }
    case 13: { each<Equal>(y, a, b, count, turn); break }
    case 14: { each<Greater>(y, a, b, count, turn); break }
    case 15: { each<GreaterOrEqual>(y, a, b, count, turn); break }
    case 16: { each<Greater>(y, b, a, count, turn); break }
    case 17: { each<GreaterOrEqual>(y, b, a, count, turn); break }
    case 18: { if (isUnsigned) each<Or>(y, a, a, count, turn); else each<Abs>(y, a, b, count, turn); break }
    case 19: { if (isUnsigned) each<SignUnsigned>(y, a, b, count, turn); else each<Sign>(y, a, b, count, turn); break }
    case 20: { powers(y, a, b, count); break }
    default: unreachable()
  }
}
