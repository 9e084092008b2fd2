import { f32, i64, type OpCase, type OperandCase } from './case.js'

const indices = (shape: readonly number[], data: readonly number[]): OperandCase => ({ shape, dtype: 'int64', data })

export const indexingCases: readonly OpCase[] = [
  { op: 'GatherElements', inputs: [f32([5, 3]), indices([2, 3], [0, 4, -1, 2, 0, 0])], gradient: [0] },
  {
    op: 'GatherElements',
    inputs: [f32([2, 5, 3]), indices([2, 2, 3], [1, 1, 4, -5, 3, 0, 0, 0, 0, 2, 3, 4])],
    attributes: { axis: 1 },
    gradient: [0],
  },
  {
    op: 'ScatterElements',
    inputs: [f32([3, 5]), indices([2, 3], [0, 4, -4, 2, 0, 3]), f32([2, 3])],
    attributes: { axis: -1 },
    gradient: [0, 2],
  },
  {
    op: 'ScatterElements',
    inputs: [f32([3, 5]), indices([2, 3], [0, 2, -1, 0, 2, 2]), f32([2, 3])],
    attributes: { reduction: 'add' },
    gradient: [0, 2],
  },
  ...['mul', 'max', 'min'].map(
    (reduction): OpCase => ({
      op: 'ScatterElements',
      inputs: [f32([3, 5]), indices([2, 3], [0, 2, -1, 0, 2, 2]), f32([2, 3])],
      attributes: { reduction },
    }),
  ),
  ...(['int32', 'int64', 'float64'] as const).flatMap((dtype) =>
    ['add', 'mul', 'max', 'min'].flatMap((reduction): OpCase[] => [
      {
        op: 'ScatterElements',
        inputs: [
          { shape: [3, 2, 5], dtype, range: [-9, 9] },
          indices([2, 2, 3], [0, 4, -4, 2, 0, 3, 1, 1, 1, -1, 0, 0]),
          { shape: [2, 2, 3], dtype, range: [-9, 9] },
        ],
        attributes: { axis: 2, reduction },
      },
      {
        op: 'ScatterND',
        inputs: [
          { shape: [3, 5], dtype, range: [-9, 9] },
          indices([3, 1], [0, 2, -1]),
          { shape: [3, 5], dtype, range: [-9, 9] },
        ],
        attributes: { reduction },
      },
    ]),
  ),
  { op: 'GatherND', inputs: [f32([3, 5]), indices([4, 2], [0, 4, 2, -1, 1, 1, 0, 4])], gradient: [0] },
  { op: 'GatherND', inputs: [f32([4, 3, 2]), indices([2, 2, 1], [3, -4, 1, 1])], gradient: [0] },
  {
    op: 'GatherND',
    inputs: [f32([2, 3, 4]), indices([2, 3, 1], [0, 2, 1, -1, 0, 0])],
    attributes: { batch_dims: 1 },
    gradient: [0],
  },
  { op: 'ScatterND', inputs: [f32([5, 3]), indices([2, 1], [4, -5]), f32([2, 3])], gradient: [0, 2] },
  { op: 'ScatterND', inputs: [f32([5, 3]), i64([2, 1]), f32([])], gradient: [0, 2] },
  {
    op: 'ScatterND',
    inputs: [f32([5, 3]), indices([3, 2], [4, 0, 1, 1, 4, 0]), f32([3])],
    attributes: { reduction: 'add' },
    gradient: [0, 2],
  },
  ...['mul', 'max', 'min'].map(
    (reduction): OpCase => ({
      op: 'ScatterND',
      inputs: [f32([5, 3]), indices([3, 1], [4, 1, 4]), f32([3, 3])],
      attributes: { reduction },
    }),
  ),
]
