import { allocate, isBigInt, isFloat, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { RoundMode } from '../../core/minifloat.js'
import { concrete } from '../../core/shape.js'
import { erf } from '../../core/special.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute, stringAttribute } from '../../ops/definition.js'
import type { elementwise } from '../../ops/elementwise.js'
import { broadcastIndices } from './broadcast.js'
import { castTensor } from './cast.js'
import type { ReferenceContext, ReferenceKernel } from './kernel.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** Applies a function to each element; `exact` to 64-bit integers. */
export const unary =
  (apply: (x: number) => number, exact?: (x: bigint) => bigint): ReferenceKernel =>
  ({ inputs: [x], outputs: [{ dtype, shape }] }) => [
    exact && isBigInt(dtype)
      ? tensorOfBigInts(dtype, bigIntsOf(x!).map(exact), shape)
      : tensorOf(dtype, numbersOf(x!).map(apply), shape),
  ]

type Fold<T, R = T> = (a: T, b: T) => R

/** `a` and `b` read at the broadcast positions of `shape`. */
const combine = <T, R>(a: ArrayLike<T>, b: ArrayLike<T>, ia: Int32Array, ib: Int32Array, apply: Fold<T, R>): R[] =>
  Array.from(ia, (index, i) => apply(a[index], b[ib[i]]))

/** Folds two or more operands in their common dtype, 64-bit integers exactly. */
const fold =
  (apply: Fold<number>, exact: Fold<bigint>): ReferenceKernel =>
  ({ inputs, outputs: [{ dtype, shape }] }) => {
    const dims = concrete(shape)
    const run = <T>(read: (tensor: Tensor) => ArrayLike<T>, step: Fold<T>): ArrayLike<T> => {
      const [first, ...rest] = inputs as readonly Tensor[]
      const start = read(first)
      let result: ArrayLike<T> = Array.from(broadcastIndices(first.dims, dims), (index) => start[index])
      const identity = Int32Array.from({ length: result.length }, (_, i) => i)
      for (const tensor of rest)
        result = combine(result, read(tensor), identity, broadcastIndices(tensor.dims, dims), step)
      return result
    }
    return [
      isBigInt(dtype)
        ? tensorOfBigInts(dtype, run(bigIntsOf, exact), shape)
        : tensorOf(dtype, run(numbersOf, apply), shape),
    ]
  }

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
        : isBigInt(a.type)
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

const divideExactly = (a: bigint, b: bigint): bigint => {
  if (b === 0n) throw new LanewiseError('NUMERIC_ERROR', 'integer division by zero')
  return a / b
}

const floorModulo = (a: bigint, b: bigint): bigint => {
  const rest = a - divideExactly(a, b) * b
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

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

const divide: ReferenceKernel = (context) =>
  isFloat(context.outputs[0].dtype)
    ? fold((a, b) => a / b, divideExactly)(context)
    : fold((a, b) => Number(divideExactly(BigInt(a), BigInt(b))), divideExactly)(context)

const multiply: ReferenceKernel = (context) => {
  // A product of 32-bit integers may need more than the 53 bits of a float64; it wraps.
  const wraps = ['int32', 'uint32'].includes(context.outputs[0].dtype)
  return fold(wraps ? Math.imul : (a, b) => a * b, (a, b) => a * b)(context)
}

const cast: ReferenceKernel = ({ inputs, outputs, attributes }) => [
  castTensor(inputs[0]!, outputs[0].dtype, {
    saturate: intAttribute(attributes, 'saturate') !== 0,
    roundMode: stringAttribute(attributes, 'round_mode') as RoundMode,
  }),
]

export const elementwiseKernels = {
  Neg: unary(
    (x) => -x,
    (x) => -x,
  ),
  Abs: unary(Math.abs, (x) => (x < 0n ? -x : x)),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
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
  Add: fold(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Sub: fold(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  Mul: multiply,
  Div: divide,
  Pow: ({ inputs: [base, exponent], outputs: [{ dtype, shape }] }) => {
    const dims = concrete(shape)
    const [ia, ib] = [broadcastIndices(base!.dims, dims), broadcastIndices(exponent!.dims, dims)]
    return [
      isBigInt(dtype) && isBigInt(exponent!.type)
        ? tensorOfBigInts(
            dtype,
            combine(bigIntsOf(base!), bigIntsOf(exponent!), ia, ib, (a, b) => (b < 0n ? 0n : a ** b)),
            shape,
          )
        : tensorOf(
            dtype,
            combine(numbersOf(base!), numbersOf(exponent!), ia, ib, (a, b) => a ** b),
            shape,
          ),
    ]
  },
  Mod: (context) =>
    intAttribute(context.attributes, 'fmod') === 1
      ? fold(
          (a, b) => a % b,
          (a, b) => a - divideExactly(a, b) * b,
        )(context)
      : fold((a, b) => Number(floorModulo(BigInt(a), BigInt(b))), floorModulo)(context),
  Max: fold(Math.max, larger),
  Min: fold(Math.min, (a, b) => (larger(a, b) === a ? b : a)),
  Sum: fold(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Mean: (context) => {
    const [total] = fold(
      (a, b) => a + b,
      (a, b) => a + b,
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
  Cast: cast,
  CastLike: cast,
} as const satisfies Record<keyof typeof elementwise, ReferenceKernel>
