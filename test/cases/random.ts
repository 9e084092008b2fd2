import { f32, type OpCase, type OperandCase } from './case.js'

const step: OperandCase = { shape: [], dtype: 'int32', data: [7] }

const ratio = (data: number): OperandCase => ({ shape: [], values: [data] })
const training: OperandCase = { shape: [], dtype: 'bool', values: [1] }

export const randomCases: readonly OpCase[] = [
  { op: 'Dropout', inputs: [f32([3, 5])], gradient: [0] },
  { op: 'Dropout', inputs: [f32([3, 5]), ratio(0.5)], outputs: 2, gradient: [0] },
  { op: 'Dropout', inputs: [f32([3, 35]), ratio(0.25), training], attributes: { seed: 7 }, outputs: 2, gradient: [0] },
  { op: 'Dropout', note: 'in training', inputs: [f32([4, 9]), undefined, training], outputs: 2, gradient: [0] },
  {
    op: 'Dropout',
    note: 'mode at run time',
    inputs: [f32([4, 9]), ratio(0.3), { shape: [], dtype: 'bool', data: [1] }],
    outputs: 2,
    gradient: [0],
  },
  ...[[1], [5, 7], [2, 3, 17]].map(
    (shape): OpCase => ({
      op: 'lanewise.Dropout',
      inputs: [f32(shape), step],
      attributes: { rate: 0.4, seed: 3, stream: 1 },
      gradient: [0],
    }),
  ),
  { op: 'lanewise.RandomUniform', inputs: [step], attributes: { shape: [3, 7], seed: 3, stream: 2 } },
]
