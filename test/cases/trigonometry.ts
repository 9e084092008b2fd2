import { f32, type OpCase, type OperandCase } from './case.js'

const unary = (op: string, options: Omit<OperandCase, 'shape'> = {}): OpCase[] =>
  [[1], [3, 5], [2, 7, 33]].map((shape) => ({ op, inputs: [f32(shape, options)], gradient: [0] }))

const inside = { range: [-0.9, 0.9] } as const

export const trigonometryCases: readonly OpCase[] = [
  ...unary('Tan', { range: [-1.2, 1.2] }),
  ...unary('Asin', inside),
  ...unary('Acos', inside),
  ...unary('Atan'),
  ...unary('Sinh'),
  ...unary('Cosh'),
  ...unary('Asinh'),
  ...unary('Acosh', { range: [1.2, 4] }),
  ...unary('Atanh', inside),
  { op: 'IsInf', inputs: [f32([4], { data: [1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN] })] },
  {
    op: 'IsInf',
    inputs: [f32([3], { data: [1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] })],
    attributes: { detect_negative: 0 },
  },
  { op: 'Shrink', inputs: [f32([3, 5], { avoid: [-0.5, 0.5] })], gradient: [0] },
  {
    op: 'Shrink',
    inputs: [f32([3, 5], { avoid: [-1, 1] })],
    attributes: { lambd: 1, bias: 0.25 },
    gradient: [0],
  },
]
