import { onnxTypeCode } from '../../src/core/dtype.js'
import { f32, i32, i64, type OpCase, type OperandCase } from './case.js'

const scalar = (value: number): OperandCase => ({ shape: [], dtype: 'int64', values: [value] })
const distinct = { distinct: true } as const

export const selectionCases: readonly OpCase[] = [
  { op: 'TopK', inputs: [f32([17], distinct), i64([5])], outputs: 2, gradient: [0] },
  { op: 'TopK', inputs: [f32([3, 9, 2], distinct), i64([4])], attributes: { axis: 1 }, outputs: 2, gradient: [0] },
  { op: 'TopK', inputs: [f32([2, 33], distinct), i64([7])], attributes: { largest: 0 }, outputs: 2, gradient: [0] },
  { op: 'TopK', note: 'ties', inputs: [f32([6], { data: [1, 3, 3, 2, 3, 1] }), i64([4])], outputs: 2 },
  { op: 'TopK', inputs: [i32([3, 5], { range: [-3, 3] }), i64([2])], attributes: { axis: 0 }, outputs: 2 },
  { op: 'Trilu', inputs: [f32([4, 5])], gradient: [0] },
  { op: 'Trilu', inputs: [f32([2, 5, 3]), scalar(-1)], gradient: [0] },
  { op: 'Trilu', inputs: [f32([2, 3, 7]), scalar(2)], attributes: { upper: 0 }, gradient: [0] },
  { op: 'EyeLike', inputs: [f32([3, 5])] },
  { op: 'EyeLike', inputs: [f32([4, 3])], attributes: { k: -1, dtype: onnxTypeCode.int32 } },
  { op: 'CumSum', inputs: [f32([2, 7, 3]), scalar(1)], gradient: [0] },
  { op: 'CumSum', inputs: [f32([9]), scalar(0)], attributes: { exclusive: 1 }, gradient: [0] },
  { op: 'CumSum', inputs: [f32([3, 5]), scalar(-1)], attributes: { exclusive: 1, reverse: 1 }, gradient: [0] },
  { op: 'CumSum', inputs: [i32([3, 5], { range: [-5, 5] }), scalar(-2)], attributes: { reverse: 1 } },
  { op: 'CumProd', inputs: [f32([3, 5]), scalar(1)], attributes: { reverse: 1 }, gradient: [0] },
  { op: 'CumProd', inputs: [f32([3, 5]), scalar(0)], attributes: { exclusive: 1 }, gradient: [0] },
  {
    op: 'CumProd',
    note: 'of zeros',
    inputs: [f32([2, 4], { data: [1, 0, 2, 3, 0, 4, 0, 5] }), scalar(1)],
    gradient: [0],
  },
  {
    op: 'CumProd',
    inputs: [f32([2, 3, 4]), scalar(1)],
    attributes: { exclusive: 1, reverse: 1 },
    gradient: [0],
  },
  { op: 'Det', inputs: [f32([2, 4, 4])], gradient: [0] },
  { op: 'Det', note: 'singular', inputs: [f32([3, 3], { data: [1, 2, 3, 2, 4, 6, 0, 1, 5] })], gradient: [0] },
  { op: 'Det', inputs: [f32([3, 1, 1])], gradient: [0] },
]
