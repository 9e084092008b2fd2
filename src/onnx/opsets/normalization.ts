import { LanewiseError } from '../../core/errors.js'
import { formatShape } from '../../core/shape.js'
import { dropAttributes, inputOf, numberOf, numberToInput, withAttributes } from './adapter.js'
import { type Adapter, type AdapterTable, isReplacement } from './draft.js'

/** Before opset 9, `spatial` = 0 normalises each element by statistics of its own: the operands have the shape of one sample. */
const perElement: Adapter = (draft, builder) => {
  if (numberOf(draft, 'spatial') !== 0) return withAttributes(draft, { spatial: undefined })
  if (draft.outputs > 1)
    throw new LanewiseError('UNSUPPORTED_OP', 'gives out statistics per element, which only training needs')
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) => inputOf(draft, index))
  const deviation = builder.sqrt(builder.add(variance, numberOf(draft, 'epsilon') ?? 1e-5))
  const normalized = builder.div(builder.sub(x, mean), deviation)
  return { op: 'Add', inputs: [builder.mul(normalized, scale), bias], attributes: {}, outputs: 1 }
}

/**
 * Before opset 14, more than one output means training mode: running mean and variance, then the batch's own, which newer opsets do
 * not have. PyTorch's training export names these, too, and lets nothing read them.
 */
const trainingByOutputs: Adapter = (draft, builder) => {
  if (draft.outputs > 3)
    return { values: builder.emit('BatchNormalization', draft.inputs, { ...draft.attributes, training_mode: 1 }, 3) }
  return draft.outputs > 1 ? withAttributes(draft, { training_mode: 1 }) : draft
}

/** Dropout at inference passes its input on. Before opset 10 the mask has the dtype of the data. */
const maskOfData: Adapter = (draft, builder) => {
  if (draft.outputs < 2) return draft
  const x = inputOf(draft, 0)
  if (x.dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'takes numbers, got strings')
  const [y, mask] = builder.emit('Dropout', draft.inputs, draft.attributes, 2)
  return { values: [y, builder.cast(mask, x.dtype)] }
}

/** Before opset 21, scale and bias have an entry for each group, not for each channel. */
const entriesOfGroups: Adapter = (draft, builder) => {
  const x = inputOf(draft, 0)
  const channels = x.shape[1]
  const groups = numberOf(draft, 'num_groups')
  if (typeof channels !== 'number' || groups === undefined || !(channels % groups === 0))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${formatShape(x.shape)} does not split into ${groups} groups of channels`,
    )
  const spread = [1, 2].map((index) => {
    const entries = inputOf(draft, index)
    if (entries.shape.length !== 1 || entries.shape[0] !== groups)
      throw new LanewiseError('SHAPE_MISMATCH', `takes ${groups} entries, got ${formatShape(entries.shape)}`)
    const column = builder.op('Unsqueeze', [entries, builder.ints([1])])
    return builder.reshape(builder.expand(column, [groups, channels / groups]), [channels])
  })
  return { ...draft, inputs: [x, ...spread] }
}

const batchNormalization: Adapter = (draft, builder) => {
  const spatial = perElement(draft, builder)
  return isReplacement(spatial) || spatial.op !== draft.op ? spatial : trainingByOutputs(spatial, builder)
}

export const normalizationAdapters: AdapterTable = {
  BatchNormalization: [
    { before: 7, adapt: dropAttributes('consumed_inputs', 'is_test') },
    { before: 14, adapt: batchNormalization },
  ],
  Dropout: [
    { before: 7, adapt: dropAttributes('consumed_inputs', 'is_test') },
    { before: 12, adapt: numberToInput('ratio', 1, 'float32') },
    { before: 10, adapt: maskOfData },
  ],
  GroupNormalization: [{ before: 21, adapt: entriesOfGroups }],
  LSTM: [{ before: 7, adapt: dropAttributes('output_sequence') }],
  GRU: [{ before: 7, adapt: dropAttributes('output_sequence') }],
  RNN: [{ before: 7, adapt: dropAttributes('output_sequence') }],
}
