import { arrayOf, bitsPerElement, isBigInt, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { bitwise } from '../../ops/bitwise.js'
import { stringAttribute } from '../../ops/definition.js'
import { broadcastIndices } from './broadcast.js'
import type { ReferenceKernel } from './kernel.js'
import { bigIntsOf, numbersOf, tensorOf, tensorOfBigInts } from './numbers.js'

const binary =
  (apply: (a: number, b: number) => number, exact: (a: bigint, b: bigint) => bigint): ReferenceKernel =>
  ({ inputs, outputs: [{ dtype, shape }] }) => {
    const [a, b] = inputs as readonly Tensor[]
    const [ia, ib] = [a, b].map(({ dims }) => broadcastIndices(dims, concrete(shape)))
    if (isBigInt(dtype)) {
      const [left, right] = [bigIntsOf(a), bigIntsOf(b)]
      return [
        tensorOfBigInts(
          dtype,
          Array.from(ia, (index, i) => exact(left[index], right[ib[i]])),
          shape,
        ),
      ]
    }
    const [left, right] = [numbersOf(a), numbersOf(b)]
    return [
      tensorOf(
        dtype,
        Float64Array.from(ia, (index, i) => apply(left[index], right[ib[i]])),
        shape,
      ),
    ]
  }

const shiftLeft = binary(
  (a, b) => (b < 32 ? a << b : 0),
  (a, b) => a << b,
)
const shiftRight = binary(
  (a, b) => (b < 32 ? a >>> b : 0),
  (a, b) => a >> b,
)

/** The elements of a type that is held wider than it is, as bits of its own width. */
const isSigned = (dtype: NumericDType): boolean => dtype === 'int4' || dtype === 'int2'

export const bitwiseKernels = {
  BitwiseAnd: binary(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  BitwiseOr: binary(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  BitwiseXor: binary(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  BitwiseNot: ({ inputs: [x], outputs: [{ dtype, shape }] }) => [
    isBigInt(dtype)
      ? tensorOfBigInts(
          dtype,
          bigIntsOf(x!).map((value) => ~value),
          shape,
        )
      : tensorOf(
          dtype,
          numbersOf(x!).map((value) => ~value),
          shape,
        ),
  ],
  BitShift: (context) =>
    (stringAttribute(context.attributes, 'direction') === 'LEFT' ? shiftLeft : shiftRight)(context),
  BitCast: ({ inputs: [x], outputs: [{ dtype, shape }] }) => {
    const to = dtype as NumericDType
    const bytes = new Uint8Array((x!.data as TypedArray).slice().buffer)
    const unused = 32 - bitsPerElement(to)
    if (bitsPerElement(to) < 8)
      for (let i = 0; i < bytes.length; i++)
        bytes[i] = isSigned(to) ? (bytes[i] << unused) >> unused : (bytes[i] << unused) >>> unused
    return [new Tensor(to, new (arrayOf(to))(bytes.buffer), concrete(shape))]
  },
} as const satisfies Record<keyof typeof bitwise, ReferenceKernel>
