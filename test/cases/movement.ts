import { Tensor } from '../../src/core/tensor.js'
import { f32, i64, type OpCase, type OperandCase } from './case.js'

const indices = (shape: readonly number[], data: readonly number[]): OperandCase => ({ shape, dtype: 'int64', data })

const transposes: readonly [shape: readonly number[], perm?: readonly number[]][] = [
  [[5]],
  [[3, 17]],
  [
    [2, 3, 5],
    [0, 2, 1],
  ],
  [
    [2, 3, 5, 7],
    [0, 2, 3, 1],
  ],
  [
    [2, 3, 5, 7],
    [3, 1, 0, 2],
  ],
]

const max = 2 ** 31 - 1

const slices: readonly (readonly [shape: readonly number[], ...ranges: readonly (readonly number[])[]])[] = [
  [[7], [2], [5]],
  [
    [5, 7],
    [1, -3],
    [-1, max],
  ],
  [
    [5, 7, 3],
    [0, 2],
    [max, -1],
    [0, -2],
  ],
  [
    [7, 9],
    [1, 0],
    [6, 9],
    [0, 1],
    [2, 3],
  ],
  [
    [7, 9],
    [-1, 7],
    [-max, 0],
    [0, 1],
    [-1, -3],
  ],
  [[5, 3], [4], [2], [0], [1]],
]

const pads: readonly (readonly [shape: readonly number[], pads: readonly number[], mode: string])[] = [
  [[5], [1, 2], 'constant'],
  [[3, 5], [0, 1, 2, 0], 'constant'],
  [[3, 5], [-1, 1, 2, -2], 'constant'],
  [[4, 5], [2, 1, 3, 2], 'reflect'],
  [[4, 5], [2, 1, 3, 2], 'edge'],
  [[4, 5], [2, 1, 3, 2], 'wrap'],
  [[4, 5], [2, -1, -1, 2], 'reflect'],
  [[4, 5], [2, -1, -1, 2], 'edge'],
  [[4, 5], [2, -1, -1, 2], 'wrap'],
]

export const movementCases: readonly OpCase[] = [
  ...transposes.map(
    ([shape, perm]): OpCase => ({
      op: 'Transpose',
      inputs: [f32(shape)],
      attributes: perm && { perm },
      gradient: [0],
    }),
  ),
  { op: 'Reshape', inputs: [f32([2, 3, 4]), i64([0, -1])], gradient: [0] },
  { op: 'Reshape', inputs: [f32([6]), i64([1, 2, 1, 3])], gradient: [0] },
  { op: 'Flatten', inputs: [f32([2, 3, 4])], gradient: [0] },
  { op: 'Flatten', inputs: [f32([2, 3, 4])], attributes: { axis: -1 }, gradient: [0] },
  { op: 'Squeeze', inputs: [f32([1, 3, 1, 5]), i64([-2])], gradient: [0] },
  { op: 'Squeeze', inputs: [f32([1, 3, 1])], gradient: [0] },
  { op: 'Unsqueeze', inputs: [f32([3, 5]), i64([0, -1])], gradient: [0] },
  {
    op: 'Concat',
    inputs: [f32([2, 3, 5]), f32([2, 1, 5]), f32([2, 7, 5])],
    attributes: { axis: 1 },
    gradient: [0, 1, 2],
  },
  { op: 'Concat', inputs: [f32([3]), f32([17])], attributes: { axis: -1 }, gradient: [0, 1] },
  { op: 'Split', inputs: [f32([7, 3])], attributes: { num_outputs: 3 }, outputs: 3, gradient: [0] },
  { op: 'Split', inputs: [f32([2, 7]), i64([1, 4, 2])], attributes: { axis: 1 }, outputs: 3, gradient: [0] },
  ...slices.map(
    ([shape, ...ranges]): OpCase => ({ op: 'Slice', inputs: [f32(shape), ...ranges.map(i64)], gradient: [0] }),
  ),
  { op: 'Gather', inputs: [f32([5, 3]), indices([2, 3], [0, 4, -1, 2, 0, 0])], gradient: [0] },
  { op: 'Gather', inputs: [f32([2, 5, 3]), indices([4], [1, 1, -5, 3])], attributes: { axis: 1 }, gradient: [0] },
  { op: 'Gather', inputs: [f32([3, 5]), indices([], [2])], attributes: { axis: -1 }, gradient: [0] },
  {
    op: 'lanewise.GatherGradient',
    inputs: [f32([2, 4, 3]), indices([4], [1, 1, -5, 3])],
    attributes: { axis: 1, input_shape: [2, 5, 3] },
    gradient: [0],
  },
  { op: 'Expand', inputs: [f32([3, 1, 5]), i64([2, 1, 7, 1])], gradient: [0] },
  { op: 'Expand', inputs: [f32([]), i64([3])], gradient: [0] },
  { op: 'Tile', inputs: [f32([2, 3]), i64([3, 2])], gradient: [0] },
  { op: 'Tile', inputs: [f32([1, 5, 1]), i64([1, 1, 7])], gradient: [0] },
  ...pads.map(
    ([shape, amounts, mode]): OpCase => ({
      op: 'Pad',
      inputs: [f32(shape), i64(amounts)],
      attributes: { mode },
      gradient: [0],
    }),
  ),
  { op: 'Pad', inputs: [f32([3, 5]), i64([1, 2]), f32([]), i64([-1])], gradient: [0, 2] },
  { op: 'Shape', inputs: [f32([2, 3, 5])], attributes: { start: 1 } },
  { op: 'Size', inputs: [f32([2, 3, 5])] },
  { op: 'Constant', inputs: [], attributes: { value: new Tensor('float32', [1, 2, 3], [3]) } },
  { op: 'ConstantOfShape', inputs: [i64([2, 3])], attributes: { value: new Tensor('float32', [7], [1]) } },
  { op: 'Range', inputs: [3, 17, 2].map((value) => ({ shape: [], values: [value] })) },
  { op: 'OneHot', inputs: [f32([3], { values: [0.3, -1.7, 2.9] }), i64([3]), f32([2], { values: [0, 1] })] },
  { op: 'OneHot', inputs: [indices([2, 3], [0, 4, -1, 2, 7, 0]), i64([5]), f32([2], { values: [0, 1] })] },
]
