import { bitsPerElement, dtypeOfCode, isInteger, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { type InferenceContext, intAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { broadcastOf, required, sameAsInput } from './infer.js'

function integersOnly(types: readonly TensorType[]): readonly TensorType[] {
  if (!isInteger(types[0].dtype))
    throw new LanewiseError('TYPE_MISMATCH', `takes integer tensors, got ${types[0].dtype}; cast them first`)
  return types
}

const binary = (commutative: boolean) =>
  ({
    since: 18,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], commutative },
    infer: (context: InferenceContext) => integersOnly(broadcastOf()(context)),
  }) as const satisfies OpDefinition

/** Ops on the bits of elements. */
export const bitwise = {
  BitwiseAnd: binary(true),
  BitwiseOr: binary(true),
  BitwiseXor: binary(true),
  BitwiseNot: {
    since: 18,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0] },
    infer: (context) => integersOnly(sameAsInput(context)),
  },
  /** Shifts by the number of bits that input 1 says, to the LEFT or RIGHT; zeros come in. */
  BitShift: {
    ...binary(false),
    since: 11,
    attributes: { direction: { type: 'string', required: true } },
    infer: (context) => {
      const direction = stringAttribute(context.attributes, 'direction')
      if (direction !== 'LEFT' && direction !== 'RIGHT')
        throw new LanewiseError('INVALID_MODEL', `direction must be LEFT or RIGHT, got '${direction}'`)
      return integersOnly(broadcastOf()(context))
    },
  },
  /** The same bits as another dtype of the same width. */
  BitCast: {
    since: 26,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { to: { type: 'int', required: true } },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const code = intAttribute(context.attributes, 'to')
      const to = dtypeOfCode(code)
      if (to === undefined || to === 'string' || dtype === 'string')
        throw new LanewiseError('UNSUPPORTED_OP', `the bits of ${dtype} cannot be read as the element type ${code}`)
      if (bitsPerElement(to) !== bitsPerElement(dtype as NumericDType))
        throw new LanewiseError('INVALID_MODEL', `${dtype} and ${to} differ in width`)
      return [{ dtype: to, shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
