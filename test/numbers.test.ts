import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { numbersOf, tensorOf } from '../src/backend/reference/numbers.js'
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from '../src/core/half.js'
import { encodingOfDType, numberToFloat8e8m0, type RoundMode } from '../src/core/minifloat.js'
import { erf } from '../src/core/special.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { pack, unpack } from '../src/onnx/packing.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

test('float16 bits survive a round trip; values between them go to the nearest, ties to even', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = float16ToNumber(bits)
    if (!Number.isNaN(value)) assert.is(numberToFloat16(value), bits)
  }
  assert.is(numberToFloat16(1 + 2 ** -11), 0x3c00)
  assert.is(numberToFloat16(1 + 3 * 2 ** -11), 0x3c02)
  assert.is(numberToFloat16(2 ** -25), 0)
  assert.is(numberToFloat16(65519), 0x7bff)
  assert.is(numberToFloat16(65520), 0x7c00)
  assert.ok(Number.isNaN(float16ToNumber(numberToFloat16(Number.NaN))))
})

for (const [dtype, bits, largest, beyond] of [
  ['float8e4m3fn', 256, 448, Number.NaN],
  ['float8e4m3fnuz', 256, 240, Number.NaN],
  ['float8e5m2', 256, 57344, Number.POSITIVE_INFINITY],
  ['float8e5m2fnuz', 256, 57344, Number.NaN],
  ['float4e2m1', 16, 6, 6],
] as const)
  test(`${dtype} bits survive a round trip; values between them go to the nearest, ties to even`, () => {
    const { decode, encode } = encodingOfDType(dtype)!
    const finite: number[] = []
    for (let code = 0; code < bits; code++) {
      const value = decode(code)
      if (Number.isFinite(value)) assert.is(encode(value), code)
      if (Number.isFinite(value) && code < bits / 2) finite.push(value)
    }
    assert.is(finite.at(-1), largest)
    finite.forEach((low, code) => {
      const high = finite[code + 1]
      if (high === undefined) return
      assert.is(encode(low * 0.51 + high * 0.49), code)
      assert.is(encode(low * 0.49 + high * 0.51), code + 1)
      assert.is(encode((low + high) / 2), code % 2 === 0 ? code : code + 1)
    })
    assert.is(decode(encode(1e9)), largest)
    assert.is(decode(encode(Number.NEGATIVE_INFINITY)), -largest)
    assert.equal(decode(encode(1e9, false)), beyond)
    if (dtype !== 'float4e2m1') assert.ok(Number.isNaN(decode(encode(Number.NaN))))
  })

test('float8e8m0 holds powers of two, rounded as told', () => {
  const values = [1, 1.25, 1.5, 1.75, 2, 0, 2 ** 128, Number.POSITIVE_INFINITY]
  const { decode } = encodingOfDType('float8e8m0')!
  const rounded = (mode: RoundMode) => values.map((value) => decode(numberToFloat8e8m0(value, true, mode)))
  assert.equal(rounded('up'), [1, 2, 2, 2, 2, 2 ** -127, 2 ** 127, Number.NaN])
  assert.equal(rounded('down'), [1, 1, 1, 1, 2, 2 ** -127, 2 ** 127, Number.NaN])
  assert.equal(rounded('nearest'), [1, 1, 2, 2, 2, 2 ** -127, 2 ** 127, Number.NaN])
  assert.ok(Number.isNaN(decode(numberToFloat8e8m0(2 ** 128, false))))
})

test('elements smaller than a byte are packed, the first in the lowest bits', () => {
  for (const [dtype, elements, bytes] of [
    ['uint4', [1, 15, 7], [0xf1, 0x07]],
    ['int4', [-1, 7, -8], [0x7f, 0x08]],
    ['uint2', [1, 2, 3, 0, 2], [0x39, 0x02]],
    ['int2', [-1, -2, 1, 0], [0x1b]],
  ] as const) {
    assert.equal([...pack(dtype, elements)], [...bytes])
    assert.equal([...unpack(dtype, bytes, elements.length)], [...elements])
  }
})

test('bfloat16 bits survive a round trip; values between them go to the nearest, ties to even', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = bfloat16ToNumber(bits)
    if (!Number.isNaN(value)) assert.is(numberToBfloat16(value), bits)
  }
  assert.is(numberToBfloat16(1 + 2 ** -8), 0x3f80)
  assert.is(numberToBfloat16(1 + 3 * 2 ** -8), 0x3f82)
  assert.ok(Number.isNaN(bfloat16ToNumber(numberToBfloat16(Number.NaN))))
})

test('conversions to integers truncate and wrap', () => {
  assert.equal(Array.from(numbersOf(tensorOf('int32', [-1.9, 2.9], [2]))), [-1, 2])
  assert.equal(Array.from(numbersOf(tensorOf('uint8', [257, -1], [2]))), [1, 255])
  assert.equal(tensorOf('int64', [-3.7, 2 ** 40], [2]).data, BigInt64Array.of(-3n, 2n ** 40n))
  assert.equal(tensorOf('uint64', [5], [1]).data, BigUint64Array.of(5n))
  assert.equal(tensorOf('bool', [0, 2, -1], [3]).data, Uint8Array.of(0, 1, 1))
})

test('integer arithmetic is exact and wraps', () => {
  const builder = new GraphBuilder()
  const evaluateProduct = (dtype: 'int32' | 'uint32' | 'int64', a: number, b: number) => {
    const [x, y] = [builder.input('x', dtype, [1]), builder.input('y', dtype, [1])]
    const node = builder.producer(builder.mul(x, y))!
    return evaluate(node, [new Tensor(dtype, [a], [1]), new Tensor(dtype, [b], [1])])[0].data[0]
  }
  assert.is(evaluateProduct('int32', 123456789, 987654321), Math.imul(123456789, 987654321))
  assert.is(evaluateProduct('uint32', 0xffffffff, 0xffffffff), 1)
  assert.is(evaluateProduct('int64', 3037000499, 3037000499), 3037000499n ** 2n)
})

// Abramowitz and Stegun, Handbook of Mathematical Functions, table 7.1.
const table = [
  [0, 0],
  [0.1, 0.112462916],
  [0.5, 0.5204998778],
  [1, 0.8427007929],
  [1.5, 0.9661051465],
  [2, 0.995322265],
]

test('64-bit integers go to float64 and back as BigInts do', () => {
  const integers = [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]
  for (const [type, list] of [
    ['int64', integers],
    ['uint64', integers.map((integer) => BigInt.asUintN(64, integer))],
  ] as const)
    assert.equal(Array.from(numbersOf(new Tensor(type, list, [list.length]))), list.map(Number))
  const numbers = [0, -0, 1.9, -1.9, 2 ** 31, -(2 ** 40) - 3, 2 ** 62, 2 ** 63, 2 ** 64 + 2 ** 20, -(2 ** 70)]
  assert.equal(
    Array.from(tensorOf('int64', [...numbers, Number.NaN, Number.POSITIVE_INFINITY], [12]).data as BigInt64Array),
    [...numbers.map((number) => BigInt.asIntN(64, BigInt(Math.trunc(number)))), 0n, 0n],
  )
})

test('folds and sums of 64-bit integers are exact on both sides of 2^53', () => {
  const large = [2n ** 53n - 1n, -(2n ** 52n), 2n ** 31n + 7n, -(2n ** 33n) + 1n, 2n ** 62n + 3n, 12n, -7n, 1n]
  const divisors = [3n, -3n, 2n ** 31n - 5n, 2n ** 22n + 1n, -(2n ** 61n) + 1n, 5n, 2n, -1n]
  const floorMod = (a: bigint, b: bigint) => ((a % b) + b) % b
  // One pair at a time, as the largest elements decide how all of them are computed; then all at once.
  for (const [op, apply] of [
    ['Add', (a: bigint, b: bigint) => a + b],
    ['Sub', (a: bigint, b: bigint) => a - b],
    ['Mul', (a: bigint, b: bigint) => a * b],
    ['Div', (a: bigint, b: bigint) => a / b],
    ['Mod', floorMod],
  ] as const)
    for (const rows of [...large.map((_, i) => [i]), large.map((_, i) => i)]) {
      const k = new GraphBuilder()
      const [a, b] = [k.input('a', 'int64', [rows.length]), k.input('b', 'int64', [rows.length])]
      const node = k.producer(k.op(op, [a, b]))!
      const operands = [large, divisors].map(
        (list) =>
          new Tensor(
            'int64',
            rows.map((row) => list[row]),
            [rows.length],
          ),
      )
      assert.equal(
        Array.from(evaluate(node, operands)[0].data as BigInt64Array),
        rows.map((row) => BigInt.asIntN(64, apply(large[row], divisors[row]))),
        op,
      )
    }
  const k = new GraphBuilder()
  const node = k.producer(k.op('ReduceSum', [k.input('a', 'int64', [large.length])]))!
  const total = large.reduce((sum, integer) => sum + integer)
  assert.equal(evaluate(node, [new Tensor('int64', large, [large.length])])[0].data, BigInt64Array.of(total))
})

test('erf agrees with its published table and is odd', () => {
  for (const [x, value] of table) {
    assert.ok(Math.abs(erf(x) - value) < 6e-11, `erf(${x}) = ${erf(x)}`)
    assert.is(erf(-x), -erf(x))
  }
  assert.ok(Math.abs(erf(2.5 - 1e-12) - erf(2.5 + 1e-12)) < 1e-13, 'the two methods meet')
  assert.is(erf(7), 1)
})

test.run()
