import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType } from '../core/ir.js'
import { broadcastShapes, type Dim, formatShape, normalizeAxis, permute, type Shape } from '../core/shape.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition } from './definition.js'
import { freshShape, knownInts, lengthOf, required, sameDType } from './infer.js'
import { padsOf, slicesOf } from './ranges.js'
import { productOf } from './views.js'

/** The axis order that a Transpose gives: output axis i is input axis perm[i]. Throws SHAPE_MISMATCH. */
export function permutationOf({ attributes }: Pick<Node, 'attributes'>, rank: number): readonly number[] {
  const perm = intsAttribute(attributes, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
  if (perm.length !== rank || !perm.every((_, axis) => perm.includes(axis)))
    throw new LanewiseError('SHAPE_MISMATCH', `perm ${formatShape(perm)} is no permutation of ${rank} axes`)
  return perm
}

/** Outputs of one Split, at most. */
const mostParts = 65_536

/** The sizes of a Split's outputs along its axis; `split` is its second input's content if it has one. Throws SHAPE_MISMATCH. */
function splitSizes(dim: number, split: readonly number[] | undefined, count: number): readonly number[] {
  const chunk = Math.ceil(dim / count)
  const sizes = split ?? Array.from({ length: count }, (_, index) => Math.max(0, Math.min(chunk, dim - index * chunk)))
  if (sizes.some((size) => size < 0) || sizes.reduce((sum, size) => sum + size, 0) !== dim)
    throw new LanewiseError('SHAPE_MISMATCH', `the parts ${formatShape(sizes)} do not sum to the dimension ${dim}`)
  return sizes
}

export const replaceAxis = (shape: Shape, axis: number, dim: Dim): Dim[] =>
  shape.map((old, at) => (at === axis ? dim : old))

function inferConcat(context: InferenceContext): TensorType[] {
  const types = context.inputs.map((_, index) => required(context, index))
  const { shape } = types[0]
  const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), shape.length)
  const parts = types.map((type) => type.shape[axis])
  for (const type of types)
    if (
      type.shape.length !== shape.length ||
      type.shape.some(
        (dim, at) => at !== axis && dim !== shape[at] && typeof dim === 'number' && typeof shape[at] === 'number',
      )
    )
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `${formatShape(type.shape)} and ${formatShape(shape)} differ in more than axis ${axis}`,
      )
  const total = parts.every((dim) => typeof dim === 'number')
    ? parts.reduce((sum, dim) => sum + dim, 0)
    : parts.filter((dim) => dim !== 0).join(' + ')
  const known = shape.map(
    (dim, at) => types.map((type) => type.shape[at]).find((other) => typeof other === 'number') ?? dim,
  )
  return [{ dtype: sameDType(types), shape: replaceAxis(known, axis, total) }]
}

function inferSplit(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), shape.length)
  const split = knownInts(context, 1)
  const count = context.inputs[1]
    ? (split?.length ?? lengthOf(context, 1, 'split', mostParts))
    : (intAttribute(context.attributes, 'num_outputs') ?? context.node.outputs.length)
  if (!(count >= 1)) throw new LanewiseError('SHAPE_MISMATCH', 'needs the split input or num_outputs')
  if (count > mostParts)
    throw new LanewiseError('INVALID_MODEL', `${count} parts are more than the ${mostParts} that are held`)
  const dim = shape[axis]
  const sizes: readonly Dim[] =
    typeof dim === 'number' && (split || !context.inputs[1])
      ? splitSizes(dim, split, count)
      : (split ?? Array.from({ length: count }, (_, output) => freshShape(context, shape.length, output)[axis]))
  return sizes.map((size) => ({ dtype, shape: replaceAxis(shape, axis, size) }))
}

function inferSlice(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => knownInts(context, index))
  const unknown = [1, 2, 3, 4].some((index) => context.inputs[index] && !context.constant(index))
  const fresh = freshShape(context, shape.length)
  if (unknown || !starts || !ends) {
    const touched = context.inputs[3] ? axes : Array.from({ length: lengthOf(context, 1, 'starts') }, (_, axis) => axis)
    const moved = touched?.map((axis) => normalizeAxis(axis, shape.length))
    return [{ dtype, shape: shape.map((dim, axis) => (!moved || moved.includes(axis) ? fresh[axis] : dim)) }]
  }
  const slices = slicesOf(shape, starts, ends, axes, steps)
  return [
    { dtype, shape: slices.map((slice, axis) => slice?.count ?? (slice === undefined ? fresh[axis] : shape[axis])) },
  ]
}

function inferGather(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  if (shape.length === 0) throw new LanewiseError('SHAPE_MISMATCH', 'takes data of one dimension at least')
  const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), shape.length)
  return [{ dtype, shape: [...shape.slice(0, axis), ...required(context, 1).shape, ...shape.slice(axis + 1)] }]
}

function inferExpand(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const target = knownInts(context, 1)
  if (target) return [{ dtype, shape: broadcastShapes(shape, target) }]
  return [{ dtype, shape: freshShape(context, Math.max(shape.length, lengthOf(context, 1, 'the target shape'))) }]
}

function inferTile(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const repeats = knownInts(context, 1)
  if (!repeats) return [{ dtype, shape: freshShape(context, shape.length) }]
  if (repeats.length !== shape.length || repeats.some((count) => count < 0))
    throw new LanewiseError('SHAPE_MISMATCH', `repeats ${formatShape(repeats)} do not fit ${formatShape(shape)}`)
  return [{ dtype, shape: shape.map((dim, axis) => productOf([repeats[axis], dim])) }]
}

function inferPad(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const pads = knownInts(context, 1)
  if (!pads || (context.inputs[3] && !context.constant(3))) return [{ dtype, shape: freshShape(context, shape.length) }]
  const { begin, end } = padsOf(shape.length, pads, knownInts(context, 3))
  const result = shape.map((dim, axis): Dim => {
    const extra = begin[axis] + end[axis]
    if (typeof dim === 'number') return dim + extra
    return extra === 0 ? dim : `${dim} + ${extra}`
  })
  if (result.some((dim) => typeof dim === 'number' && dim < 0))
    throw new LanewiseError('SHAPE_MISMATCH', `pads ${formatShape(pads)} take more than ${formatShape(shape)} has`)
  return [{ dtype, shape: result }]
}

/** Ops that move elements and compute none. */
export const movement = {
  Transpose: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { perm: { type: 'ints' } },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      return [{ dtype, shape: permute(shape, permutationOf(context, shape.length)) }]
    },
  },

  Concat: {
    since: 13,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', required: true } },
    infer: inferConcat,
  },

  Split: {
    since: 18,
    inputs: [1, 2],
    outputs: [1, Number.POSITIVE_INFINITY],
    attributes: { axis: { type: 'int', default: 0 }, num_outputs: { type: 'int' } },
    infer: inferSplit,
  },

  Slice: {
    since: 13,
    inputs: [3, 5],
    outputs: [1, 1],
    infer: inferSlice,
  },

  Gather: {
    since: 13,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 0 } },
    traits: { weights: [0] },
    infer: inferGather,
  },

  Expand: { since: 13, inputs: [2, 2], outputs: [1, 1], infer: inferExpand },

  Tile: { since: 13, inputs: [2, 2], outputs: [1, 1], infer: inferTile },

  /** Negative pads crop. */
  Pad: {
    since: 18,
    inputs: [2, 4],
    outputs: [1, 1],
    attributes: { mode: { type: 'string', default: 'constant' } },
    infer: inferPad,
  },
} as const satisfies Record<string, OpDefinition>
