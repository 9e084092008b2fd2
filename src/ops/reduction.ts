import type { DType } from '../core/dtype.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { type Dim, normalizeAxis, type Shape } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { freshShape, knownInts, lengthOf, normalizeAxes, required } from './infer.js'

/** The axes that a reduction over `rank` axes removes, ascending. `axes` is the content of input 1. */
export function reducedAxes(axes: readonly number[] | undefined, rank: number, attributes: Attributes): number[] {
  if (axes?.length) return normalizeAxes(axes, rank)
  return intAttribute(attributes, 'noop_with_empty_axes') === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis)
}

/** `shape` with `axes` at size 1, or removed. */
export const reducedShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Dim[] =>
  shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]))

const infer = (context: InferenceContext): readonly TensorType[] => {
  const { dtype, shape } = required(context, 0)
  const keepDims = intAttribute(context.attributes, 'keepdims') === 1
  const known = knownInts(context, 1)
  if (context.inputs[1] && !known) {
    const count = keepDims ? 0 : lengthOf(context, 1, 'axes')
    if (keepDims || count > 0) return [{ dtype, shape: freshShape(context, shape.length - count) }]
  }
  return [{ dtype, shape: reducedShape(shape, reducedAxes(known, shape.length, context.attributes), keepDims) }]
}

const reduction = (since = 18) =>
  ({
    since,
    inputs: [1, 2],
    outputs: [1, 1],
    attributes: { keepdims: { type: 'int', default: 1 }, noop_with_empty_axes: { type: 'int', default: 0 } },
    traits: { reduction: true },
    infer,
  }) as const satisfies OpDefinition

const argument = {
  since: 13,
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: {
    axis: { type: 'int', default: 0 },
    keepdims: { type: 'int', default: 1 },
    select_last_index: { type: 'int', default: 0 },
  },
  traits: { reduction: true },
  infer: (context: InferenceContext) => {
    const { shape } = required(context, 0)
    const axis = normalizeAxis(intAttribute(context.attributes, 'axis'), shape.length)
    const keepDims = intAttribute(context.attributes, 'keepdims') === 1
    return [{ dtype: 'int64' as DType, shape: reducedShape(shape, shape.length ? [axis] : [], keepDims) }]
  },
} as const satisfies OpDefinition

/** Reductions over the axes of input 1 (all axes if it is absent or empty). */
export const reductions = {
  ReduceSum: reduction(13),
  ReduceMean: reduction(),
  ReduceMax: reduction(),
  ReduceMin: reduction(),
  ReduceProd: reduction(),
  ReduceSumSquare: reduction(),
  ReduceL1: reduction(),
  ReduceL2: reduction(),
  ReduceLogSum: reduction(),
  ReduceLogSumExp: reduction(),
  /** The index of the first (or last) extremum along `axis`, int64. */
  ArgMax: argument,
  ArgMin: argument,
} as const satisfies Record<string, OpDefinition>
