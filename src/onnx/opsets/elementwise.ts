import { LanewiseError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { both, dropAttributes, inputOf, numberOf, numberToInput, withAttributes, withInput } from './adapter.js'
import type { Adapter, AdapterTable } from './draft.js'

/** Before opset 7, `broadcast` = 1 lays input 1 along the axes of input 0 from `axis` on (along its last axes without one). */
const alongAxis: Adapter = (draft, builder) => {
  const plain = withAttributes(draft, { axis: undefined, broadcast: undefined, consumed_inputs: undefined })
  const axis = numberOf(draft, 'axis')
  if (numberOf(draft, 'broadcast') !== 1 || axis === undefined) return plain
  const [a, b] = [inputOf(draft, 0), inputOf(draft, 1)]
  const start = axis < 0 ? axis + a.shape.length : axis
  const trailing = a.shape.length - start - b.shape.length
  if (trailing < 0 || start < 0)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${formatShape(b.shape)} cannot lie along the axes of ${formatShape(a.shape)} from ${axis} on`,
    )
  if (trailing === 0) return plain
  const axes = Array.from({ length: trailing }, (_, index) => b.shape.length + index)
  return withInput(plain, 1, builder.op('Unsqueeze', [b, builder.ints(axes)]))
}

/** Before opset 7, a slope of one dimension lies along the channels. */
const slopeAlongChannels: Adapter = (draft, builder) => {
  const [x, slope] = [inputOf(draft, 0), inputOf(draft, 1)]
  const trailing = x.shape.length - 2
  if (slope.shape.length !== 1 || slope.shape[0] === 1 || trailing <= 0) return draft
  const axes = Array.from({ length: trailing }, (_, index) => 1 + index)
  return withInput(draft, 1, builder.op('Unsqueeze', [slope, builder.ints(axes)]))
}

const typeNames: Readonly<Record<string, number>> = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
}

/** Before opset 6, Cast names its type in words. */
const namedType: Adapter = (draft) => {
  const { to } = draft.attributes
  if (typeof to !== 'string') return draft
  const code = typeNames[to.toUpperCase()]
  if (code === undefined) throw new LanewiseError('INVALID_MODEL', `casts to '${to}', which is no element type`)
  return withAttributes(draft, { to: code })
}

/** Before opset 11, the limits are attributes; a limit that is left out does not limit. */
const limitsToInputs: Adapter = both(numberToInput('min', 1), numberToInput('max', 2))

const broadcasting = ['Add', 'Sub', 'Mul', 'Div', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less', 'Pow']

/** Ops whose first form listed the inputs that may be overwritten. */
const consuming = [
  'Abs',
  'Ceil',
  'Clip',
  'Elu',
  'Exp',
  'Floor',
  'HardSigmoid',
  'InstanceNormalization',
  'LeakyRelu',
  'Log',
  'Max',
  'Mean',
  'Min',
  'Neg',
  'Reciprocal',
  'Relu',
  'Selu',
  'Sigmoid',
  'Sqrt',
  'Sum',
  'Tanh',
]

export const elementwiseAdapters: AdapterTable = {
  ...Object.fromEntries(broadcasting.map((op) => [op, [{ before: 7, adapt: alongAxis }]])),
  ...Object.fromEntries(consuming.map((op) => [op, [{ before: 6, adapt: dropAttributes('consumed_inputs') }]])),
  PRelu: [
    { before: 6, adapt: dropAttributes('consumed_inputs') },
    { before: 7, adapt: slopeAlongChannels },
  ],
  Clip: [
    { before: 6, adapt: dropAttributes('consumed_inputs') },
    { before: 11, adapt: limitsToInputs },
  ],
  Cast: [{ before: 6, adapt: namedType }],
  Gemm: [{ before: 7, adapt: dropAttributes('broadcast') }],
}
