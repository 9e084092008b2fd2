import { f32, type OpCase, type OperandCase } from './case.js'

const step: OperandCase = { shape: [], dtype: 'int32', data: [7] }

export const randomCases: readonly OpCase[] = [
  { op: 'Dropout', inputs: [f32([3, 5])], gradient: [0] },
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
