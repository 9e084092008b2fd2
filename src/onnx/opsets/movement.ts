import { LanewiseError } from '../../core/errors.js'
import {
  constantInts,
  dropAttributes,
  inputOf,
  intsOf,
  intsToInput,
  numberOf,
  numberToInput,
  oldDefault,
  renamed,
  withAttributes,
  withInput,
} from './adapter.js'
import type { Adapter, AdapterTable } from './draft.js'

/** Before opset 18, a Split without sizes cuts into as many parts as it has outputs. */
const splitByOutputs: Adapter = (draft) =>
  draft.inputs[1] ? draft : withAttributes(draft, { num_outputs: draft.outputs })

/** Before opset 10, starts, ends and axes are attributes. */
const sliceByAttributes: Adapter = (draft, builder) => {
  const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => intsOf(draft, name))
  if (!starts || !ends) throw new LanewiseError('INVALID_MODEL', "needs the attributes 'starts' and 'ends'")
  const bare = withAttributes(draft, { starts: undefined, ends: undefined, axes: undefined })
  return {
    ...bare,
    inputs: [inputOf(draft, 0), builder.ints(starts), builder.ints(ends), axes && builder.ints(axes)],
  }
}

/** Before opset 11, pads and value are attributes; before 2, pads are called paddings. */
const padByAttributes: Adapter = (draft, builder) => {
  const pads = intsOf(draft, 'pads') ?? intsOf(draft, 'paddings')
  if (!pads) throw new LanewiseError('INVALID_MODEL', "needs the attribute 'pads'")
  const value = numberOf(draft, 'value') ?? 0
  const { dtype } = inputOf(draft, 0)
  if (dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'pads numbers, got strings')
  const bare = withAttributes(draft, { pads: undefined, paddings: undefined, value: undefined })
  return { ...bare, inputs: [inputOf(draft, 0), builder.ints(pads), builder.scalar(value, dtype)] }
}

/** Before opset 6, Tile repeats along one axis. */
const tileAlongAxis: Adapter = (draft, builder) => {
  const tiles = constantInts(draft, 1, builder)
  const axis = constantInts(draft, 2, builder)
  const x = inputOf(draft, 0)
  if (!tiles || !axis)
    throw new LanewiseError('UNSUPPORTED_OP', 'its tiles and axis are computed; in opset 1 they must be constants')
  if (!(axis[0] >= 0 && axis[0] < x.shape.length))
    throw new LanewiseError('SHAPE_MISMATCH', `axis ${axis[0]} is out of range for rank ${x.shape.length}`)
  const repeats = x.shape.map((_, at) => (at === axis[0] ? tiles[0] : 1))
  return { ...draft, inputs: [x, builder.ints(repeats)] }
}

/** Before opset 10, k is an attribute. */
const topKByAttribute: Adapter = (draft, builder) => {
  const k = numberOf(draft, 'k')
  if (k === undefined) throw new LanewiseError('INVALID_MODEL', "needs the attribute 'k'")
  return withInput(withAttributes(draft, { k: undefined }), 1, builder.ints([k]))
}

/** Before opset 20, the sampling modes have other names. */
const samplingModes: Adapter = (draft) => {
  const names: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' }
  const { mode = 'bilinear' } = draft.attributes
  return withAttributes(draft, { mode: names[mode as string] ?? mode })
}

export const movementAdapters: AdapterTable = {
  Concat: [{ before: 4, adapt: oldDefault('axis', 1) }],
  Reshape: [
    { before: 5, adapt: dropAttributes('consumed_inputs') },
    { before: 5, adapt: intsToInput('shape', 1) },
  ],
  Tile: [{ before: 6, adapt: tileAlongAxis }],
  Split: [
    { before: 13, adapt: intsToInput('split', 1) },
    { before: 18, adapt: splitByOutputs },
  ],
  Squeeze: [{ before: 13, adapt: intsToInput('axes', 1) }],
  Unsqueeze: [{ before: 13, adapt: intsToInput('axes', 1) }],
  Slice: [{ before: 10, adapt: sliceByAttributes }],
  Pad: [{ before: 11, adapt: padByAttributes }],
  TopK: [{ before: 10, adapt: topKByAttribute }],
  Scatter: [{ before: Number.POSITIVE_INFINITY, adapt: renamed('ScatterElements') }],
  GridSample: [{ before: 20, adapt: samplingModes }],
  RoiAlign: [{ before: 16, adapt: oldDefault('coordinate_transformation_mode', 'output_half_pixel') }],
  DFT: [
    { before: 20, adapt: oldDefault('axis', 1) },
    { before: 20, adapt: numberToInput('axis', 2, 'int64') },
  ],
}
