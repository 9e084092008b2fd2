import { fed, given, held, type Row, row } from './rows.js'

const lstm = (attributes: Row['attributes'] = {}) =>
  row(
    'LSTM',
    [fed([4, 2, 3]), held([1, 16, 3]), held([1, 16, 4]), held([1, 32])],
    { hidden_size: { i: 4 }, ...attributes },
    { outputs: [true, true, true], opset: 14 },
  )

/** Ops of ONNX itself, where onnxruntime settles what the specification leaves open or is easily misread. */
export const coreRows: readonly Row[] = [
  // The cell itself is not clipped on its way to the output.
  lstm({ clip: { f: 0.5 } }),
  lstm({ clip: { f: 0.5 }, input_forget: { i: 1 } }),
  row('HammingWindow', [given([1], 'int64', [])]),
  row('HannWindow', [given([1], 'int64', [])]),
  row('BlackmanWindow', [given([1], 'int64', [])]),
  row('LogSoftmax', [fed([2, 0, 3])], { axis: { i: 0 } }, { opset: 11 }),
  row('Softmax', [fed([0, 3, 2])], { axis: { i: 1 } }, { opset: 11 }),
  row('LRN', [fed([0, 3, 2, 2])], { size: { i: 3 } }),
  row('LRN', [fed([2, 3, 0, 2])], { size: { i: 3 } }),
  // Pads that are negative crop before others look at what is left.
  ...['wrap', 'reflect', 'edge'].map((mode) =>
    row('Pad', [fed([2, 3, 4]), given([1, -1, 2, 0, 1, -1], 'int64')], { mode: { s: mode } }, { opset: 19 }),
  ),
  // One axis grows and takes the pixel before, the other shrinks and takes the one behind.
  ...[given([1, 1, 0.5, 2.5]), given([1, 1, 3, 0.4])].map((scales) =>
    row('Resize', [fed([1, 2, 7, 6]), scales], { mode: { s: 'nearest' } }, { opset: 10 }),
  ),
  row('Cast', [given([0, -0, 1.5, -2], 'float64')], { to: { i: 8 } }),
]
