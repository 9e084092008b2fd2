import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { concrete, normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import { cofactors, moved } from '../../ops/selection.js'
import type { GradientRule, GradientRules } from '../rule.js'

/**
 * By element i of each row: the sum over the products j that hold it of dy_j times the other factors. These are running
 * products too, of rows in which element i is 1, so that zeros do no harm; n² elements for rows of n.
 */
const cumulativeProduct: GradientRule = ({ emit, node, inputs, attributes, gradient }) => {
  const [x, axisInput] = inputs as Value[]
  const rank = x.shape.length
  const given = emit.constantOf(axisInput)?.toNumbers()[0]
  if (given === undefined)
    throw new LanewiseError('SHAPE_MISMATCH', `the axis of '${node.name}' must be known while compiling`)
  const axis = normalizeAxis(given, rank)
  const [size] = concrete([x.shape[axis]], `axis ${axis} of the input of '${node.name}'`)
  const last = (value: Value) => emit.op('Unsqueeze', [moved(emit, value, axis, rank - 1), emit.ints([rank - 1])])
  const own = emit.constant(
    new Tensor(
      'bool',
      Uint8Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0)),
      [size, size],
    ),
  )
  const products = emit.op('CumProd', [emit.where(own, 1, last(x)), emit.scalar(rank, 'int64')], attributes)
  const backwards = intAttribute(attributes, 'reverse') === 1
  const beside = intAttribute(attributes, 'exclusive') === 1 ? (backwards ? -1 : 1) : 0
  const held = emit.op('Trilu', [products, emit.scalar(beside, 'int64')], { upper: backwards ? 0 : 1 })
  return [moved(emit, emit.sum(emit.mul(held, last(gradient(0)!)), [rank]), rank - 1, axis)]
}

const determinant: GradientRule = ({ emit, node, inputs, gradient }) => {
  const x = inputs[0]!
  const rank = x.shape.length
  const dy = emit.op('Unsqueeze', [gradient(0)!, emit.ints([rank - 2, rank - 1])])
  return [emit.mul(dy, cofactors(emit, x, `the last axis of the input of '${node.name}'`))]
}

export const selectionRules: GradientRules = {
  TopK: ({ emit, node, inputs, outputs, attributes, gradient }) => {
    const x = inputs[0]!
    const dy = gradient(0)
    if (!dy) return []
    const zeros = emit.constant(Tensor.zeros(x.dtype, concrete(x.shape, `the input of '${node.name}'`)))
    return [emit.op('ScatterElements', [zeros, outputs[1], dy], { axis: attributes['axis'] })]
  },
  Trilu: ({ emit, inputs, attributes, gradient }) => [emit.op('Trilu', [gradient(0), inputs[1]], attributes)],
  CumSum: ({ emit, inputs, attributes, gradient }) => [
    emit.op('CumSum', [gradient(0), inputs[1]], {
      ...attributes,
      reverse: intAttribute(attributes, 'reverse') === 1 ? 0 : 1,
    }),
  ],
  CumProd: cumulativeProduct,
  Det: determinant,
}
