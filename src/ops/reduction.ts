import type { DType, NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType, Value } from '../core/ir.js'
import { concrete, type Dim, normalizeAxis, type Shape, sameShape, sizeOf } from '../core/shape.js'
import { type GradientContext, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
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

/** What the gradient rule of a reduction works with.  */
interface Reduction extends GradientContext {
  readonly x: Value
  readonly axes: readonly number[]
  /** The reduced `value` in a form that broadcasts to x: the reduced axes back at size 1, or left out in front. */
  keep(value: Value): Value
  /** The gradient by the output, in that form. */
  readonly dy: Value
  readonly y: () => Value
}

const reduction = (gradient: (context: Reduction) => Value, since = 18) =>
  ({
    since,
    inputs: [1, 2],
    outputs: [1, 1],
    attributes: { keepdims: { type: 'int', default: 1 }, noop_with_empty_axes: { type: 'int', default: 0 } },
    traits: { reduction: true },
    infer,
    gradient: (context) => {
      const x = context.inputs[0]!
      if (context.inputs[1] && !context.constant(1))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `the axes of '${context.node.name}' must be a constant to train through it`,
        )
      const axes = reducedAxes(context.constant(1)?.toNumbers(), x.shape.length, context.attributes)
      // Leading axes come back by broadcasting.
      const leading = axes.every((axis, index) => axis === index)
      const keep = (value: Value) =>
        leading || value.shape.length === x.shape.length
          ? value
          : context.emit.op('Unsqueeze', [value, context.emit.ints(axes)])
      const dx = gradient({
        ...context,
        x,
        axes,
        keep,
        dy: keep(context.gradient(0)!),
        y: () => keep(context.outputs[0]),
      })
      return [
        sameShape(dx.shape, x.shape)
          ? dx
          : context.emit.op('Expand', [
              dx,
              x.shape.every((dim) => typeof dim === 'number')
                ? context.emit.ints(x.shape as readonly number[])
                : context.emit.op('Shape', [x]),
            ]),
      ]
    },
  }) as const satisfies OpDefinition

/** Elements that tie for the extremum share its gradient equally. */
const sharedByTies = ({ emit, x, axes, dy, y }: Reduction): Value => {
  const hits = emit.cast(emit.equal(x, y()), x.dtype as NumericDType)
  return emit.mul(hits, emit.div(dy, axes.length ? emit.sum(hits, axes, true) : hits))
}

/** dy times the product of the other elements: by division where no element is zero, apart where one or more are. */
const byOtherFactors = ({ emit, x, axes, dy, y }: Reduction): Value => {
  if (axes.length === 0) return dy
  const zero = emit.equal(x, 0)
  const zeros = emit.sum(emit.cast(zero, x.dtype as NumericDType), axes, true)
  const rest = emit.reduce('ReduceProd', emit.where(zero, 1, x), axes, true)
  const others = emit.where(zero, emit.where(emit.equal(zeros, 1), rest, 0), emit.div(y(), emit.where(zero, 1, x)))
  return emit.mul(dy, others)
}

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
  ReduceSum: reduction(({ dy }) => dy, 13),
  ReduceMean: reduction(({ emit, x, axes, dy }) =>
    emit.div(
      dy,
      sizeOf(
        concrete(
          axes.map((axis) => x.shape[axis]),
          'the averaged part of the operand',
        ),
      ),
    ),
  ),
  ReduceMax: reduction(sharedByTies),
  ReduceMin: reduction(sharedByTies),
  ReduceProd: reduction(byOtherFactors),
  ReduceSumSquare: reduction(({ emit, x, dy }) => emit.mul(emit.mul(x, 2), dy)),
  ReduceL1: reduction(({ emit, x, dy }) => emit.mul(emit.sign(x), dy)),
  ReduceL2: reduction(({ emit, x, dy, y }) => emit.mul(x, emit.div(dy, y()))),
  ReduceLogSum: reduction(({ emit, dy, y }) => emit.div(dy, emit.exp(y()))),
  ReduceLogSumExp: reduction(({ emit, x, dy, y }) => emit.mul(dy, emit.exp(emit.sub(x, y())))),
  /** The index of the first (or last) extremum along `axis`, int64. */
  ArgMax: argument,
  ArgMin: argument,
} as const satisfies Record<string, OpDefinition>
