import { f32, type OpCase, type OperandCase } from './case.js'

const scalar = (value: number): OperandCase => ({ shape: [], dtype: 'int64', values: [value] })
const edge = (value: number): OperandCase => f32([], { values: [value] })

export const signalCases: readonly OpCase[] = [
  { op: 'DFT', inputs: [f32([2, 8, 1])] },
  { op: 'DFT', inputs: [f32([2, 12, 3, 2]), undefined, scalar(1)] },
  { op: 'DFT', inputs: [f32([2, 7, 1]), scalar(10)], attributes: { onesided: 1 } },
  { op: 'DFT', inputs: [f32([3, 6, 2]), scalar(4)], attributes: { inverse: 1 } },
  { op: 'DFT', inputs: [f32([3, 5, 2])], attributes: { inverse: 1, onesided: 1 } },
  { op: 'STFT', inputs: [f32([2, 20, 1]), scalar(3), f32([8])], gradient: [0, 2] },
  {
    op: 'STFT',
    inputs: [f32([1, 17, 1]), scalar(4), undefined, scalar(5)],
    attributes: { onesided: 0 },
    gradient: [0],
  },
  { op: 'STFT', inputs: [f32([1, 12, 2]), scalar(2), f32([4])], attributes: { onesided: 0 } },
  ...['HannWindow', 'HammingWindow', 'BlackmanWindow'].flatMap((op): OpCase[] => [
    { op, inputs: [scalar(9)] },
    { op, inputs: [scalar(8)], attributes: { periodic: 0 } },
  ]),
  { op: 'MelWeightMatrix', inputs: [scalar(8), scalar(16), scalar(8192), edge(0), edge(4096)] },
]
