import { isBigInt, isFloat } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { RoundMode } from '../../core/minifloat.js'
import { concrete } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import { intAttribute, stringAttribute } from '../../ops/definition.js'
import type { elementwise } from '../../ops/elementwise.js'
import { broadcastIndices } from './broadcast.js'
import { castTensor } from './cast.js'
import type { ReferenceKernel } from './kernel.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

/** Applies a function to each element; `exact` to 64-bit integers. */
export const unary =
  (apply: (x: number) => number, exact?: (x: bigint) => bigint): ReferenceKernel =>
  ({ inputs: [x], outputs: [{ dtype, shape }] }) => [
    exact && isBigInt(dtype)
      ? tensorOfBigInts(dtype, bigIntsOf(x!).map(exact), shape)
      : tensorOf(dtype, numbersOf(x!).map(apply), shape),
  ]

export type Fold<T, R = T> = (a: T, b: T) => R

/** `a` and `b` read at the broadcast positions of `shape`. */
export const combine = <T, R>(
  a: ArrayLike<T>,
  b: ArrayLike<T>,
  ia: Int32Array,
  ib: Int32Array,
  apply: Fold<T, R>,
): R[] => Array.from(ia, (index, i) => apply(a[index], b[ib[i]]))

/** Folds two or more operands in their common dtype, 64-bit integers exactly. */
export const fold =
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

export const divideExactly = (a: bigint, b: bigint): bigint => {
  if (b === 0n) throw new LanewiseError('NUMERIC_ERROR', 'integer division by zero')
  return a / b
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

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

/** What graphs of Keras's layers and their exports compute of constants. */
export const arithmeticKernels = {
  Neg: unary(
    (x) => -x,
    (x) => -x,
  ),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
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
  Max: fold(Math.max, larger),
  Min: fold(Math.min, (a, b) => (larger(a, b) === a ? b : a)),
  Cast: cast,
  CastLike: cast,
} as const satisfies Partial<Record<keyof typeof elementwise, ReferenceKernel>>
