import { f32, i64, type OpCase, type OperandCase } from './case.js'

const shape = [3, 5, 17]

const reduction = (op: string, options: Omit<OperandCase, 'shape'> = {}): OpCase[] => [
  { op, inputs: [f32([7], options)], gradient: [0] },
  { op, inputs: [f32([], options)], gradient: [0] },
  { op, inputs: [f32([33, 7], options)], attributes: { keepdims: 0 }, gradient: [0] },
  ...[[0], [1], [-1], [0, 1], [2, 1], [0, 2], [0, 1, 2]].flatMap((axes) =>
    [0, 1].map((keepdims) => ({
      op,
      inputs: [f32(shape, options), i64(axes)],
      attributes: { keepdims },
      gradient: [0],
    })),
  ),
  { op, inputs: [f32([1, 5, 1], options), i64([0, 2])], attributes: { keepdims: 0 }, gradient: [0] },
  { op, inputs: [f32([3, 5], options), i64([])], attributes: { noop_with_empty_axes: 1 }, gradient: [0] },
]

const positive = { range: [0.3, 2] } as const

export const reductionCases: readonly OpCase[] = [
  ...reduction('ReduceSum'),
  ...reduction('ReduceMean'),
  ...reduction('ReduceMax', { distinct: true }),
  ...reduction('ReduceMin', { distinct: true }),
  ...reduction('ReduceProd', { range: [0.9, 1.1] }),
  {
    op: 'ReduceProd',
    note: 'with zeros',
    inputs: [f32([3, 4], { data: [2, 3, 5, 7, 2, 0, 5, 7, 0, 3, 0, 7] }), i64([1])],
    gradient: [0],
  },
  ...reduction('ReduceSumSquare'),
  ...reduction('ReduceL1', { avoid: [0] }),
  ...reduction('ReduceL2', positive),
  ...reduction('ReduceLogSum', positive),
  ...reduction('ReduceLogSumExp'),
  ...['ArgMax', 'ArgMin'].flatMap((op): OpCase[] =>
    [0, 1, -1].flatMap((axis) =>
      [0, 1].map((keepdims) => ({ op, inputs: [f32(shape, { distinct: true })], attributes: { axis, keepdims } })),
    ),
  ),
]
