import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { existingAxis } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { freshShape, required } from './infer.js'

/** The `axis` attribute in [0, rank); undefined when it is left out. */
function axisOf(context: InferenceContext): number | undefined {
  const axis = intAttribute(context.attributes, 'axis') as number | undefined
  return axis === undefined ? undefined : existingAxis(axis, required(context, 0).shape.length)
}

/** Throws TYPE_MISMATCH unless input `index` is absent or of type `dtype`. */
function expectType(context: InferenceContext, index: number, dtype: DType): void {
  const type = context.inputs[index]
  if (type && type.dtype !== dtype)
    throw new LanewiseError('TYPE_MISMATCH', `input ${index} must be ${dtype}, it is ${type.dtype}`)
}

/** Ops whose results are as long as their operands' content says: they split a model into programs of several plans. */
export const compaction = {
  /** Indices of the elements that are not zero, int64 [rank, count], in row-major order. */
  NonZero: {
    since: 9,
    inputs: [1, 1],
    outputs: [1, 1],
    infer: (context) => {
      const [, count] = freshShape(context, 2)
      return [{ dtype: 'int64', shape: [Math.max(required(context, 0).shape.length, 1), count] }]
    },
  },

  /** The slices of input 0 along `axis` (elements, without one) where the 1-D bool condition holds. */
  Compress: {
    since: 9,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int' } },
    infer: (context) => {
      expectType(context, 1, 'bool')
      const { dtype, shape } = required(context, 0)
      const axis = axisOf(context)
      if (axis === undefined) return [{ dtype, shape: freshShape(context, 1) }]
      return [{ dtype, shape: shape.with(axis, freshShape(context, axis + 1)[axis]) }]
    },
    gradientUnknown: true,
  },

  /** x -> distinct elements (slices along `axis`), index of each first occurrence, inverse indices, counts. */
  Unique: {
    since: 11,
    inputs: [1, 1],
    outputs: [1, 4],
    attributes: { axis: { type: 'int' }, sorted: { type: 'int', default: 1 } },
    infer: (context): TensorType[] => {
      const { dtype, shape } = required(context, 0)
      const axis = axisOf(context)
      const [count] = freshShape(context, 1)
      const [length] = freshShape(context, 1, 2)
      return [
        { dtype, shape: axis === undefined ? [count] : shape.with(axis, count) },
        { dtype: 'int64', shape: [count] },
        { dtype: 'int64', shape: [axis === undefined ? (shape.length === 1 ? shape[0] : length) : shape[axis]] },
        { dtype: 'int64', shape: [count] },
      ]
    },
    gradientUnknown: true,
  },

  /**
   * boxes [batch, n, 4], scores [batch, class, n], most boxes a class?, IoU threshold?, score threshold?
   * -> int64 [count, 3]: batch, class and box of each that is kept.
   */
  NonMaxSuppression: {
    since: 10,
    inputs: [2, 5],
    outputs: [1, 1],
    attributes: { center_point_box: { type: 'int', default: 0 } },
    infer: (context) => {
      for (const index of [0, 1]) {
        const { dtype, shape } = required(context, index)
        if (dtype !== 'float32' || shape.length !== 3)
          throw new LanewiseError('TYPE_MISMATCH', `input ${index} must be float32 of rank 3`)
      }
      return [{ dtype: 'int64', shape: [freshShape(context, 1)[0], 3] }]
    },
  },
} as const satisfies Record<string, OpDefinition>
