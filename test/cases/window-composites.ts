import { f32, i64, type OpCase } from './case.js'

const away = { avoid: [0] } as const

export const windowCompositeCases: readonly OpCase[] = [
  ...[1, 2, 3].flatMap((p): OpCase[] => [
    { op: 'LpPool', inputs: [f32([2, 3, 7], away)], attributes: { p, kernel_shape: [3], strides: [2] }, gradient: [0] },
    {
      op: 'LpPool',
      inputs: [f32([1, 2, 6, 5], away)],
      attributes: { p, kernel_shape: [3, 2], pads: [1, 0, 1, 1], dilations: [1, 2] },
      gradient: [0],
    },
    {
      op: 'LpPool',
      inputs: [f32([1, 2, 6, 5], away)],
      attributes: { p, kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 },
      gradient: [0],
    },
    { op: 'GlobalLpPool', inputs: [f32([2, 3, 4, 5], away)], attributes: { p }, gradient: [0] },
  ]),
  {
    op: 'MaxUnpool',
    inputs: [f32([1, 1, 2, 2]), { shape: [1, 1, 2, 2], dtype: 'int64', data: [5, 7, 13, 15] }],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    gradient: [0],
  },
  {
    op: 'MaxUnpool',
    inputs: [f32([1, 1, 2, 2]), { shape: [1, 1, 2, 2], dtype: 'int64', data: [5, 7, 13, 15] }, i64([1, 1, 5, 5])],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    gradient: [0],
  },
  { op: 'Col2Im', inputs: [f32([2, 12, 12]), i64([4, 5]), i64([2, 2])], gradient: [0] },
  {
    op: 'Col2Im',
    inputs: [f32([1, 6, 8]), i64([5, 5]), i64([2, 3])],
    attributes: { pads: [1, 0, 1, 1], strides: [3, 1], dilations: [2, 1] },
    gradient: [0],
  },
]
