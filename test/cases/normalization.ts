import { f32, type OpCase, type OperandCase } from './case.js'

const positive = { range: [0.5, 2] } as const satisfies Partial<OperandCase>

export const normalizationCases: readonly OpCase[] = [
  ...[
    [5, 3],
    [2, 3, 7],
    [2, 3, 5, 4],
  ].map(
    (shape): OpCase => ({
      op: 'BatchNormalization',
      inputs: [f32(shape), f32([3]), f32([3]), f32([3]), f32([3], positive)],
      attributes: { epsilon: 1e-3 },
      gradient: [0, 1, 2, 3, 4],
    }),
  ),
  { op: 'LayerNormalization', inputs: [f32([3, 7]), f32([7])], gradient: [0, 1] },
  { op: 'LayerNormalization', inputs: [f32([3, 7]), f32([7]), f32([7])], outputs: 2, gradient: [0, 1, 2] },
  {
    op: 'LayerNormalization',
    inputs: [f32([2, 3, 4]), f32([4])],
    attributes: { axis: 1 },
    outputs: 3,
    gradient: [0, 1],
  },
  {
    op: 'LayerNormalization',
    inputs: [f32([2, 3, 5]), f32([3, 5]), f32([5])],
    attributes: { axis: 1, epsilon: 1e-3 },
    gradient: [0, 1, 2],
  },
]
