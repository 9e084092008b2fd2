import type { NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { normalizeAxis } from '../../core/shape.js'
import { inputShape } from '../../ops/compose.js'
import { intAttribute } from '../../ops/definition.js'
import { type ResampleTable, transposedTable } from '../../ops/resample.js'
import { tableConstants } from '../../ops/resize-body.js'
import type { GradientContext, GradientRules } from '../rule.js'

/** The table of a Resample node, whose inputs 1 and 2 must be constant. Throws SHAPE_MISMATCH. */
function tableOf({ node, constant }: GradientContext): ResampleTable {
  const [indices, weights] = [constant(1), constant(2)]
  if (!indices || !weights)
    throw new LanewiseError('SHAPE_MISMATCH', `the table of '${node.name}' must be constant to be differentiated`)
  return {
    taps: indices.dims[1],
    indices: Int32Array.from(indices.toNumbers()),
    weights: Float64Array.from(weights.toNumbers()),
  }
}

export const resizeRules: GradientRules = {
  'lanewise.Resample': (context) => {
    const { emit, node, attributes, gradient } = context
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), inputShape(node).length)
    const table = transposedTable(tableOf(context), inputShape(node)[axis])
    const dy = gradient(0)!
    return [emit.op('lanewise.Resample', [dy, ...tableConstants(emit, table, dy.dtype as NumericDType)], { axis })]
  },
}
