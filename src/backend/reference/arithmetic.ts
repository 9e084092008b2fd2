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
import { bigIntsOf, isExact, largestOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

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
export function combine<T, R>(
  a: ArrayLike<T>,
  b: ArrayLike<T>,
  ia: Int32Array,
  ib: Int32Array,
  apply: Fold<T, R>,
): R[] {
  const results = new Array<R>(ia.length)
  for (let i = 0; i < ia.length; i++) results[i] = apply(a[ia[i]], b[ib[i]])
  return results
}

/** Joins to `totals` the element of each further operand that its places name. */
function foldInto<T>(
  totals: { [index: number]: T; readonly length: number },
  operands: readonly ArrayLike<T>[],
  places: readonly Int32Array[],
  step: Fold<T>,
): void {
  for (let k = 1; k < operands.length; k++) {
    const [operand, at] = [operands[k], places[k]]
    for (let i = 0; i < totals.length; i++) totals[i] = step(totals[i], operand[at[i]])
  }
}

/** Whether float64 holds all that a fold of 64-bit integers comes by; `bound` gives a step's from those of its operands. */
function holds(operands: readonly Float64Array[], bound: Fold<number>): boolean {
  const bounds = operands.map(largestOf)
  return bounds.every((_, count) => isExact(bounds.slice(0, count + 1).reduce(bound)))
}

/**
 * Folds two or more operands in their common dtype, 64-bit integers exactly: by `exact`, unless float64 holds all steps.
 * `bound` tells the largest magnitude of a result from those of the operands.
 */
export const fold =
  (apply: Fold<number>, exact: Fold<bigint>, bound: Fold<number>): ReferenceKernel =>
  ({ inputs, outputs: [{ dtype, shape }] }) => {
    const dims = concrete(shape)
    const tensors = inputs as readonly Tensor[]
    const places = tensors.map((tensor) => broadcastIndices(tensor.dims, dims))
    const numbers = tensors.map(numbersOf)
    if (isBigInt(dtype) && !holds(numbers, bound)) {
      const integers = tensors.map(bigIntsOf)
      const totals = Array.from(places[0], (index) => integers[0][index])
      foldInto(totals, integers, places, exact)
      return [tensorOfBigInts(dtype, totals, shape)]
    }
    const totals = new Float64Array(places[0].length)
    for (let i = 0; i < totals.length; i++) totals[i] = numbers[0][places[0][i]]
    foldInto(totals, numbers, places, apply)
    return [tensorOf(dtype, totals, shape)]
  }

export const sum = (a: number, b: number): number => a + b

const refuseZero = (divisor: number | bigint): void => {
  if (divisor === 0 || divisor === 0n) throw new LanewiseError('NUMERIC_ERROR', 'integer division by zero')
}

export const divideExactly = (a: bigint, b: bigint): bigint => {
  refuseZero(b)
  return a / b
}

const divideWhole = (a: number, b: number): number => {
  refuseZero(b)
  return Math.trunc(a / b)
}

/** What is left of whole numbers, with the sign of the dividend. */
export const remainder = (a: number, b: number): number => {
  refuseZero(b)
  return a % b
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const divide: ReferenceKernel = (context) =>
  isFloat(context.outputs[0].dtype)
    ? fold((a, b) => a / b, divideExactly, Math.max)(context)
    : fold(divideWhole, divideExactly, Math.max)(context)

const multiply: ReferenceKernel = (context) => {
  // A product of 32-bit integers may need more than the 53 bits of a float64; it wraps.
  const wraps = ['int32', 'uint32'].includes(context.outputs[0].dtype)
  const product = (a: number, b: number) => a * b
  return fold(wraps ? Math.imul : product, (a, b) => a * b, product)(context)
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
  Add: fold(sum, (a, b) => a + b, sum),
  Sub: fold(
    (a, b) => a - b,
    (a, b) => a - b,
    sum,
  ),
  Mul: multiply,
  Div: divide,
  Max: fold(Math.max, larger, Math.max),
  Min: fold(Math.min, (a, b) => (larger(a, b) === a ? b : a), Math.max),
  Cast: cast,
  CastLike: cast,
} as const satisfies Partial<Record<keyof typeof elementwise, ReferenceKernel>>
