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
]
