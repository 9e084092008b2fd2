import { onnxTypeCode } from '../../src/core/dtype.js'
import { bool, f32, i32, i64, type OpCase, type OperandCase } from './case.js'

const unary = (op: string, options: Omit<OperandCase, 'shape'> = {}, differentiable = true): OpCase[] =>
  [[1], [3, 5], [2, 7, 33]].map((shape) => ({
    op,
    inputs: [f32(shape, options)],
    gradient: differentiable ? [0] : [],
  }))

/** Pairs of shapes: equal, scalar, trailing vector, per channel, both sides repeated. */
const pairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[7], [7]],
  [[3, 5], []],
  [[], [3, 5]],
  [[2, 3, 17], [17]],
  [[17], [2, 3, 17]],
  [
    [2, 3, 5, 7],
    [3, 1, 1],
  ],
  [
    [2, 3, 5],
    [2, 1, 1],
  ],
  [
    [3, 1, 5],
    [1, 33, 1],
  ],
]

const binary = (op: string, options: Omit<OperandCase, 'shape'> = {}, gradient: readonly number[] = [0, 1]): OpCase[] =>
  pairs.map(([a, b]) => ({ op, inputs: [f32(a, options), f32(b, options)], gradient }))

const positive = { range: [0.3, 3] } as const
const awayFromZero = { avoid: [0] }

export const elementwiseCases: readonly OpCase[] = [
  ...unary('Neg'),
  ...unary('Abs', awayFromZero),
  ...unary('Sqrt', positive),
  ...unary('Reciprocal', { range: [0.5, 3] }),
  ...unary('Exp'),
  ...unary('Log', positive),
  ...unary('Sin'),
  ...unary('Cos'),
  ...unary('Erf'),
  ...unary('Identity'),
  ...unary('Sign', awayFromZero, false),
  ...unary('Floor', {}, false),
  ...unary('Ceil', {}, false),
  ...unary('Round', {}, false),
  ...unary('IsNaN', {}, false),
  { op: 'Neg', inputs: [i32([17], { range: [-9, 9] })] },
  { op: 'Abs', inputs: [i32([17], { range: [-9, 9] })] },
  { op: 'Not', inputs: [bool([3, 7])] },
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', { range: [0.5, 2] }),
  ...binary('Pow', positive),
  { op: 'Pow', note: 'square', inputs: [f32([3, 5]), f32([], { values: [2] })], gradient: [0] },
  { op: 'Pow', note: 'cube', inputs: [f32([3, 5]), f32([], { values: [3] })], gradient: [0] },
  { op: 'Pow', note: 'integer exponent', inputs: [f32([5], positive), i64([1, 2, 3, 0, 2])], gradient: [0] },
  {
    op: 'Mod',
    inputs: [f32([3, 5], { range: [0.1, 0.9] }), f32([3, 5], { range: [1, 2] })],
    attributes: { fmod: 1 },
    gradient: [0, 1],
  },
  {
    op: 'Mod',
    inputs: [
      f32([9], { values: [-7.4, -5.2, -3.3, -1.1, 0.4, 1.3, 3.7, 5.6, 7.9] }),
      f32([9], { range: [1.99, 2.01] }),
    ],
    attributes: { fmod: 1 },
    gradient: [1],
  },
  ...binary('Max', { distinct: true }),
  ...binary('Min', { distinct: true }),
  ...['Max', 'Min'].flatMap((op): OpCase[] => [
    { op, inputs: [f32([3, 5])], gradient: [0] },
    { op, inputs: [f32([3, 5]), f32([5]), f32([3, 1])], gradient: [0, 1, 2] },
  ]),
  ...['Sum', 'Mean'].flatMap((op): OpCase[] => [
    { op, inputs: [f32([3, 5])], gradient: [0] },
    { op, inputs: [f32([3, 5]), f32([5])], gradient: [0, 1] },
    { op, inputs: [f32([3, 5]), f32([5]), f32([3, 1])], gradient: [0, 1, 2] },
  ]),
  ...['Equal', 'Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual'].flatMap((op) => [
    ...binary(op, {}, []),
    { op, inputs: [i32([3, 17], { range: [0, 3] }), i32([17], { range: [0, 3] })] },
  ]),
  ...['And', 'Or', 'Xor'].flatMap((op) => [
    { op, inputs: [bool([3, 17]), bool([3, 17])] },
    { op, inputs: [bool([3, 17]), bool([17])] },
  ]),
  ...['Add', 'Sub', 'Mul'].map((op) => ({
    op,
    inputs: [i32([3, 17], { range: [-9, 9] }), i32([17], { range: [-9, 9] })],
  })),
  { op: 'Where', inputs: [bool([3, 5]), f32([3, 5]), f32([3, 5])], gradient: [1, 2] },
  { op: 'Where', inputs: [bool([2, 1, 7]), f32([3, 7]), f32([])], gradient: [1, 2] },
  { op: 'Where', inputs: [bool([5]), f32([5]), f32([2, 3, 5])], gradient: [1, 2] },
  { op: 'Cast', inputs: [f32([3, 7])], attributes: { to: onnxTypeCode.float64 }, gradient: [0] },
  { op: 'Cast', inputs: [f32([3, 7])], attributes: { to: onnxTypeCode.int32 } },
  { op: 'Cast', inputs: [f32([3, 7])], attributes: { to: onnxTypeCode.bool } },
  { op: 'Cast', inputs: [bool([3, 7])], attributes: { to: onnxTypeCode.float32 } },
  { op: 'Cast', inputs: [i32([3, 7], { range: [-9, 9] })], attributes: { to: onnxTypeCode.float32 } },
  { op: 'CastLike', inputs: [f32([3, 7]), { shape: [1], dtype: 'float64' }], gradient: [0] },
]
