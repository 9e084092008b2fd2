import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { existingAxis, normalizeAxis } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { freshShape, knownInts, required } from './infer.js'

function inferTopK(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const axis = existingAxis(intAttribute(context.attributes, 'axis'), shape.length)
  const count = knownInts(context, 1)?.[0]
  const dim = shape[axis]
  if (count !== undefined && (count < 0 || (typeof dim === 'number' && count > dim)))
    throw new LanewiseError('SHAPE_MISMATCH', `k = ${count} elements cannot be taken from an axis of ${dim}`)
  const picked = shape.with(axis, count ?? freshShape(context, shape.length)[axis])
  return [
    { dtype, shape: picked },
    { dtype: 'int64', shape: picked },
  ]
}

const cumulative = {
  inputs: [2, 2],
  outputs: [1, 1],
  attributes: { exclusive: { type: 'int', default: 0 }, reverse: { type: 'int', default: 0 } },
  infer: (context: InferenceContext) => {
    const { dtype, shape } = required(context, 0)
    const axis = knownInts(context, 1)?.[0]
    if (axis !== undefined) normalizeAxis(axis, shape.length)
    return [{ dtype, shape }]
  },
} as const

/** Largest elements and running totals. */
export const ranking = {
  /** x, k -> the k largest (or smallest) elements along `axis` in order, and their indices; equal ones by index. */
  TopK: {
    since: 11,
    inputs: [2, 2],
    outputs: [2, 2],
    attributes: {
      axis: { type: 'int', default: -1 },
      largest: { type: 'int', default: 1 },
      sorted: { type: 'int', default: 1 },
    },
    infer: inferTopK,
  },

  /** Running sums along the axis of input 1. */
  CumSum: {
    since: 11,
    ...cumulative,
  },

  /** Running products along the axis of input 1. */
  CumProd: { since: 26, ...cumulative },
} as const satisfies Record<string, OpDefinition>
