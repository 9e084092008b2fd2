import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType } from '../core/ir.js'
import { formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { required, sameDType } from './infer.js'

/** How a scatter combines an update with what is there. */
export type ScatterReduction = 'none' | 'add' | 'mul' | 'max' | 'min'
const scatterReductions: readonly ScatterReduction[] = ['none', 'add', 'mul', 'max', 'min']

/** The `reduction` attribute. Throws INVALID_MODEL on an unknown one. */
export function scatterReduction({ attributes }: Pick<Node, 'attributes'>): ScatterReduction {
  const reduction = stringAttribute(attributes, 'reduction') as ScatterReduction
  if (!scatterReductions.includes(reduction))
    throw new LanewiseError('INVALID_MODEL', `reduction '${reduction}' is none of ${scatterReductions.join(', ')}`)
  return reduction
}

function checkIndices({ dtype }: TensorType): void {
  if (dtype !== 'int64' && dtype !== 'int32')
    throw new LanewiseError('TYPE_MISMATCH', `indices must be int32 or int64, got ${dtype}; cast them`)
}

/** Throws SHAPE_MISMATCH unless `indices` picks elements along one axis of `data`. */
function checkElementIndices(data: TensorType, indices: TensorType, attributes: Node['attributes']): void {
  checkIndices(indices)
  const axis = normalizeAxis(intAttribute(attributes, 'axis'), data.shape.length)
  const fits = indices.shape.every((dim, at) => {
    const size = data.shape[at]
    return at === axis || typeof dim === 'string' || typeof size === 'string' || dim <= size
  })
  if (indices.shape.length !== data.shape.length || !fits)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `indices ${formatShape(indices.shape)} do not lie within ${formatShape(data.shape)} beside axis ${axis}`,
    )
}

/** The shape of what the rows of `indices` pick from `data`: a scalar or slice each. Throws SHAPE_MISMATCH. */
function pickedShape(data: Shape, indices: Shape, batchDims = 0): Shape {
  const depth = indices.at(-1)
  if (typeof depth !== 'number')
    throw new LanewiseError('SHAPE_MISMATCH', `the last axis of the indices ${formatShape(indices)} must be known`)
  if (batchDims < 0 || indices.length <= batchDims || batchDims + depth > data.length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `indices ${formatShape(indices)} reach deeper than the rank of ${formatShape(data)} (batch_dims ${batchDims})`,
    )
  const differs = indices
    .slice(0, batchDims)
    .some((dim, axis) => typeof dim === 'number' && typeof data[axis] === 'number' && dim !== data[axis])
  if (differs)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `the first ${batchDims} axes of the indices ${formatShape(indices)} must be those of ${formatShape(data)}`,
    )
  return [...indices.slice(0, -1), ...data.slice(batchDims + depth)]
}

/** Throws SHAPE_MISMATCH unless known dimensions agree. */
function checkUpdates(updates: Shape, expected: Shape): void {
  const same = updates.every(
    (dim, at) => dim === expected[at] || [dim, expected[at]].some((d) => typeof d === 'string'),
  )
  if (updates.length !== expected.length || !same)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `updates ${formatShape(updates)} must have the shape ${formatShape(expected)}`,
    )
}

function inferGatherND(context: InferenceContext): TensorType[] {
  const [data, indices] = [required(context, 0), required(context, 1)]
  checkIndices(indices)
  return [
    {
      dtype: data.dtype,
      shape: pickedShape(data.shape, indices.shape, intAttribute(context.attributes, 'batch_dims')),
    },
  ]
}

const reduction = { type: 'string', default: 'none' } as const

/** Ops that read or write elements at computed places. Indices count from the end where negative. */
export const indexing = {
  /** y[…, i, …] = data[…, indices[…, i, …], …] along `axis`. */
  GatherElements: {
    since: 11,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 0 } },
    infer: (context) => {
      const [data, indices] = [required(context, 0), required(context, 1)]
      checkElementIndices(data, indices, context.attributes)
      return [{ dtype: data.dtype, shape: indices.shape }]
    },
  },

  /** data with updates[…, i, …] put at (or combined with) […, indices[…, i, …], …] along `axis`. */
  ScatterElements: {
    since: 18,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 0 }, reduction },
    traits: { inPlace: [0] },
    infer: (context) => {
      const [data, indices, updates] = [required(context, 0), required(context, 1), required(context, 2)]
      checkElementIndices(data, indices, context.attributes)
      checkUpdates(updates.shape, indices.shape)
      scatterReduction(context)
      return [{ dtype: sameDType([data, updates]), shape: data.shape }]
    },
  },

  /** Each row of the last axis of `indices` names an element or a slice of `data`. */
  GatherND: {
    since: 12,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { batch_dims: { type: 'int', default: 0 } },
    infer: inferGatherND,
  },

  /** data with each row of updates put at (or combined with) the element or slice that a row of `indices` names. */
  ScatterND: {
    since: 18,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { reduction },
    traits: { inPlace: [0] },
    infer: (context) => {
      const [data, indices, updates] = [required(context, 0), required(context, 1), required(context, 2)]
      checkIndices(indices)
      checkUpdates(updates.shape, pickedShape(data.shape, indices.shape))
      scatterReduction(context)
      return [{ dtype: sameDType([data, updates]), shape: data.shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
