import { LanewiseError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { inputOf, intsToInput, numberOf, withAttributes } from './adapter.js'
import type { Adapter, AdapterTable } from './draft.js'

const axesBecameAnInputIn18 = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
]

/** Before opset 13, the axes from `axis` (default 1) on count as one. */
const overFlattenedAxes: Adapter = (draft, builder) => {
  const x = inputOf(draft, 0)
  const rank = x.shape.length
  const given = numberOf(draft, 'axis') ?? 1
  const axis = given < 0 ? given + rank : given
  if (!(axis >= 0 && axis <= rank))
    throw new LanewiseError('SHAPE_MISMATCH', `axis ${given} is out of range for ${formatShape(x.shape)}`)
  if (axis === rank - 1) return withAttributes(draft, { axis: -1 })
  const rows = builder.op('Flatten', [x], { axis })
  const normalized = builder.op(draft.op, [rows], { axis: -1 })
  const shape = builder.op('Shape', [x])
  return { op: 'Reshape', inputs: [normalized, shape], attributes: { allowzero: 1 }, outputs: draft.outputs }
}

export const reductionAdapters: AdapterTable = {
  ...Object.fromEntries(axesBecameAnInputIn18.map((op) => [op, [{ before: 18, adapt: intsToInput('axes', 1) }]])),
  ReduceSum: [{ before: 13, adapt: intsToInput('axes', 1) }],
  Softmax: [{ before: 13, adapt: overFlattenedAxes }],
  LogSoftmax: [{ before: 13, adapt: overFlattenedAxes }],
  Hardmax: [{ before: 13, adapt: overFlattenedAxes }],
}
