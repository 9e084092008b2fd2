import type { NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { concrete, sameShape, sizeOf } from '../../core/shape.js'
import { reducedAxes } from '../../ops/reduction.js'
import type { GradientContext, GradientRule, GradientRules } from '../rule.js'

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

const reduction =
  (rule: (context: Reduction) => Value): GradientRule =>
  (context) => {
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
    const dx = rule({
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
  }

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

export const reductionRules: GradientRules = {
  ReduceSum: reduction(({ dy }) => dy),
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
}
