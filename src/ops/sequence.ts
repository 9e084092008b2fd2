import { type DType, dtypeOfCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { existingAxis, isUnranked, unranked } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { commonType, freshShape, required } from './infer.js'

/** Input `index`, which must be a sequence. Throws TYPE_MISMATCH. */
function sequence(context: InferenceContext, index: number): TensorType {
  const type = required(context, index)
  if (type.container !== 'sequence' && type.container !== 'optional(sequence)')
    throw new LanewiseError('TYPE_MISMATCH', `input ${index} must be a sequence, it is a ${type.container ?? 'tensor'}`)
  return type
}

const element = ({ dtype, shape }: TensorType): TensorType => ({ dtype, shape })

/** The dtype that an op's `dtype` attribute names by ONNX's code. Throws INVALID_MODEL. */
function namedDType(context: InferenceContext): DType {
  const code = intAttribute(context.attributes, 'dtype')
  const dtype = dtypeOfCode(code)
  if (!dtype) throw new LanewiseError('INVALID_MODEL', `the element type ${code} is not known`)
  return dtype
}

/** Sequences of tensors and optional values. They live on the host; a program runs these ops. */
export const sequences = {
  SequenceEmpty: {
    since: 11,
    inputs: [0, 0],
    outputs: [1, 1],
    attributes: { dtype: { type: 'int', default: 1 } },
    traits: { anyType: true, program: true },
    infer: (context) => [{ dtype: namedDType(context), shape: unranked, container: 'sequence' }],
  },

  SequenceConstruct: {
    since: 11,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => [
      {
        ...commonType(
          context,
          context.inputs.map((_, index) => required(context, index)),
          0,
        ),
        container: 'sequence',
      },
    ],
  },

  /** sequence, tensor, position? (at the end unless given). */
  SequenceInsert: {
    since: 11,
    inputs: [2, 3],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => {
      const { dtype } = sequence(context, 0)
      if (dtype !== required(context, 1).dtype)
        throw new LanewiseError('TYPE_MISMATCH', `a sequence of ${dtype} cannot take ${required(context, 1).dtype}`)
      return [
        { ...commonType(context, [element(sequence(context, 0)), required(context, 1)], 0), container: 'sequence' },
      ]
    },
  },

  SequenceErase: {
    since: 11,
    inputs: [1, 2],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => [{ ...element(sequence(context, 0)), container: 'sequence' }],
  },

  SequenceAt: {
    since: 11,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => [element(sequence(context, 0))],
  },

  SequenceLength: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => {
      sequence(context, 0)
      return [{ dtype: 'int64', shape: [] }]
    },
  },

  /** tensor, split? (one size, or a size for each part): parts along `axis`. */
  SplitToSequence: {
    since: 11,
    inputs: [1, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 0 }, keepdims: { type: 'int', default: 1 } },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      if (isUnranked(shape)) return [{ dtype, shape, container: 'sequence' }]
      const axis = existingAxis(intAttribute(context.attributes, 'axis'), shape.length)
      const drops = !context.inputs[1] && intAttribute(context.attributes, 'keepdims') === 0
      const size = context.inputs[1] ? freshShape(context, axis + 1)[axis] : 1
      return [{ dtype, shape: drops ? shape.toSpliced(axis, 1) : shape.with(axis, size), container: 'sequence' }]
    },
  },

  /** The elements joined along `axis`, or stacked along a new one. */
  ConcatFromSequence: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', required: true }, new_axis: { type: 'int', default: 0 } },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const { dtype, shape } = sequence(context, 0)
      if (isUnranked(shape)) return [{ dtype, shape }]
      const stacks = intAttribute(context.attributes, 'new_axis') === 1
      const rank = shape.length + (stacks ? 1 : 0)
      const axis = existingAxis(intAttribute(context.attributes, 'axis'), rank)
      const size = freshShape(context, rank)[axis]
      return [{ dtype, shape: stacks ? shape.toSpliced(axis, 0, size) : shape.with(axis, size) }]
    },
  },

  /** A value made optional; without one, an empty optional of the attribute `type`. */
  Optional: {
    since: 15,
    inputs: [0, 1],
    outputs: [1, 1],
    attributes: { type: { type: 'type' } },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const type = context.inputs[0] ?? (context.attributes['type'] as TensorType | undefined)
      if (!type) throw new LanewiseError('INVALID_MODEL', 'an empty optional needs the attribute type')
      return [{ ...element(type), container: type.container ? 'optional(sequence)' : 'optional' }]
    },
  },

  OptionalGetElement: {
    since: 15,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: (context) => {
      const type = required(context, 0)
      const isSequence = type.container === 'sequence' || type.container === 'optional(sequence)'
      return [{ ...element(type), container: isSequence ? 'sequence' : undefined }]
    },
  },

  OptionalHasElement: {
    since: 15,
    inputs: [0, 1],
    outputs: [1, 1],
    traits: { anyType: true, program: true },
    infer: () => [{ dtype: 'bool', shape: [] }],
  },
} as const satisfies Record<string, OpDefinition>

export type SequenceOpName = keyof typeof sequences

/** The length that `split` says each part of a SplitToSequence has. Throws SHAPE_MISMATCH. */
export function partSizes(length: number, split: readonly number[] | undefined, isScalar: boolean): number[] {
  if (!split) return new Array<number>(length).fill(1)
  if (!isScalar) {
    if (split.some((size) => size < 0) || split.reduce((sum, size) => sum + size, 0) !== length)
      throw new LanewiseError('SHAPE_MISMATCH', `the parts [${split.join(', ')}] do not add up to ${length}`)
    return [...split]
  }
  const [size] = split
  if (size < 1) throw new LanewiseError('SHAPE_MISMATCH', `parts of ${size} elements are none`)
  return Array.from({ length: Math.ceil(length / size) }, (_, index) => Math.min(size, length - index * size))
}
