import { allocate, isBigInt, isFloat, type TypedArray } from '../../core/dtype.js'
import { concrete } from '../../core/shape.js'
import { erf } from '../../core/special.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import type { elementwise } from '../../ops/elementwise.js'
import { arithmeticKernels, combine, divideExactly, type Fold, fold, remainder, sum, unary } from './arithmetic.js'
import { broadcastIndices } from './broadcast.js'
import { castTensor } from './cast.js'
import type { ReferenceContext, ReferenceKernel } from './kernel.js'
import { bigIntsOf, isExact, largestOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** A bool result; `strings` applies to string operands. */
const compare =
  (apply: Fold<number, boolean>, exact: Fold<bigint, boolean>, strings?: Fold<string, boolean>): ReferenceKernel =>
  ({ inputs, outputs: [{ shape }] }) => {
    const dims = concrete(shape)
    const [a, b] = inputs as readonly Tensor[]
    const [ia, ib] = [broadcastIndices(a.dims, dims), broadcastIndices(b.dims, dims)]
    const hits =
      strings && a.type === 'string'
        ? combine(a.data as string[], b.data as string[], ia, ib, strings)
        : isBigInt(a.type) && !inputs.every((input) => isExact(largestOf(numbersOf(input!))))
          ? combine(bigIntsOf(a), bigIntsOf(b), ia, ib, exact)
          : combine(numbersOf(a), numbersOf(b), ia, ib, apply)
    return [tensorOf('bool', hits.map(Number), shape)]
  }

const logical = (apply: Fold<number, boolean>): ReferenceKernel => compare(apply, () => false)

/** To the nearest integer, ties to the even one. */
export const roundHalfToEven = (x: number): number => {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}

/** What is left of whole numbers, with the sign of the divisor. */
const modulo = (a: number, b: number): number => {
  const rest = remainder(a, b)
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

const floorModulo = (a: bigint, b: bigint): bigint => {
  const rest = a - divideExactly(a, b) * b
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
}

/** Wrapped to 64 bits; of a negative exponent what is left of the fraction toward zero. */
const powerOfWhole = (base: bigint, exponent: bigint): bigint => {
  if (exponent < 0n) return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n
  let [result, factor] = [1n, base]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * factor)
    factor = BigInt.asIntN(64, factor * factor)
  }
  return result
}

/** Element i of operand `choose(i)`, whatever the dtype. */
function select(
  { outputs: [{ dtype, shape }] }: ReferenceContext,
  choose: (i: number) => string | number | bigint,
): Tensor {
  const dims = concrete(shape)
  const data = allocate(
    dtype,
    dims.reduce((size, dim) => size * dim, 1),
  ) as (string | number | bigint)[]
  for (let i = 0; i < data.length; i++) data[i] = choose(i)
  return new Tensor(dtype, data as string[] | TypedArray, dims)
}

export const elementwiseKernels = {
  ...arithmeticKernels,
  Abs: unary(Math.abs, (x) => (x < 0n ? -x : x)),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sign: unary(Math.sign, (x) => (x < 0n ? -1n : x > 0n ? 1n : 0n)),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundHalfToEven),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Erf: unary(erf),
  Identity: (context) => [select(context, (i) => context.inputs[0]!.data[i])],
  Not: unary((x) => 1 - x),
  IsNaN: unary((x) => (Number.isNaN(x) ? 1 : 0)),
  Pow: ({ inputs: [base, exponent], outputs: [{ dtype, shape }] }) => {
    const dims = concrete(shape)
    const [ia, ib] = [broadcastIndices(base!.dims, dims), broadcastIndices(exponent!.dims, dims)]
    const [bases, exponents] = [numbersOf(base!), numbersOf(exponent!)]
    const powers = combine(bases, exponents, ia, ib, (a, b) => a ** b)
    if (isFloat(dtype) || isFloat(exponent!.type) || powers.every((power) => isExact(Math.abs(power))))
      return [tensorOf(dtype, powers, shape)]
    const whole = (tensor: Tensor) =>
      isBigInt(tensor.type) ? bigIntsOf(tensor) : Array.from(numbersOf(tensor), BigInt)
    const results = combine(whole(base!), whole(exponent!), ia, ib, powerOfWhole)
    return [castTensor(tensorOfBigInts(dtype === 'uint64' ? dtype : 'int64', results, shape), dtype)]
  },
  Mod: (context) =>
    intAttribute(context.attributes, 'fmod') === 1
      ? fold(
          isFloat(context.outputs[0].dtype) ? (a, b) => a % b : remainder,
          (a, b) => a - divideExactly(a, b) * b,
          Math.max,
        )(context)
      : fold(modulo, floorModulo, Math.max)(context),
  Sum: fold(sum, (a, b) => a + b, sum),
  Mean: (context) => {
    const [total] = fold(
      sum,
      (a, b) => a + b,
      sum,
    )({
      ...context,
      inputs: context.inputs.map((input) => tensorOf('float64', numbersOf(input!), input!.dims)),
      outputs: [{ ...context.outputs[0], dtype: 'float64' }],
    })
    return [
      tensorOf(
        context.outputs[0].dtype,
        numbersOf(total).map((x) => x / context.inputs.length),
        total.dims,
      ),
    ]
  },
  Equal: compare(
    (a, b) => a === b,
    (a, b) => a === b,
    (a, b) => a === b,
  ),
  Greater: compare(
    (a, b) => a > b,
    (a, b) => a > b,
  ),
  Less: compare(
    (a, b) => a < b,
    (a, b) => a < b,
  ),
  GreaterOrEqual: compare(
    (a, b) => a >= b,
    (a, b) => a >= b,
  ),
  LessOrEqual: compare(
    (a, b) => a <= b,
    (a, b) => a <= b,
  ),
  And: logical((a, b) => a !== 0 && b !== 0),
  Or: logical((a, b) => a !== 0 || b !== 0),
  Xor: logical((a, b) => (a !== 0) !== (b !== 0)),
  Where: (context) => {
    const [condition, a, b] = context.inputs as readonly Tensor[]
    const dims = concrete(context.outputs[0].shape)
    const [ic, ia, ib] = [condition, a, b].map((tensor) => broadcastIndices(tensor.dims, dims))
    return [select(context, (i) => (condition.data[ic[i]] ? a.data[ia[i]] : b.data[ib[i]]))]
  },
} as const satisfies Record<keyof typeof elementwise, ReferenceKernel>
