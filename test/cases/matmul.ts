import { f32, type OpCase } from './case.js'

const products: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 5],
    [5, 7],
  ],
  [
    [17, 33],
    [33, 9],
  ],
  [[5], [5]],
  [[5], [5, 3]],
  [[3, 5], [5]],
  [[2, 3, 5], [5]],
  [[5], [2, 5, 3]],
  [
    [2, 3, 5],
    [5, 7],
  ],
  [
    [3, 5],
    [2, 5, 7],
  ],
  [
    [2, 3, 5],
    [2, 5, 7],
  ],
  [
    [2, 1, 3, 5],
    [3, 5, 2],
  ],
]

export const matmulCases: readonly OpCase[] = [
  ...products.map(([a, b]) => ({ op: 'MatMul', inputs: [f32(a), f32(b)], gradient: [0, 1] })),
  ...[0, 1].flatMap((transA) =>
    [0, 1].flatMap((transB): OpCase[] => {
      const a = f32(transA ? [5, 3] : [3, 5])
      const b = f32(transB ? [7, 5] : [5, 7])
      return [
        { op: 'Gemm', inputs: [a, b], attributes: { transA, transB }, gradient: [0, 1] },
        {
          op: 'Gemm',
          inputs: [a, b, f32([7])],
          attributes: { transA, transB, alpha: 0.5, beta: 1.5 },
          gradient: [0, 1, 2],
        },
        { op: 'lanewise.FusedMatMul', inputs: [a, b], attributes: { transA, transB } },
        { op: 'lanewise.FusedMatMul', inputs: [a, b, f32([7])], attributes: { transA, transB, activation: 'relu' } },
      ]
    }),
  ),
  ...[[], [1], [3, 1], [3, 7]].map((shape) => ({
    op: 'Gemm',
    inputs: [f32([3, 5]), f32([5, 7]), f32(shape)],
    gradient: [0, 1, 2],
  })),
  {
    op: 'lanewise.FusedMatMul',
    inputs: [f32([2, 3, 5]), f32([5, 33]), f32([33])],
    attributes: { activation: 'leakyRelu', activation_alpha: 0.2 },
  },
]
