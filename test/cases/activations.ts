import type { Attributes } from '../../src/core/ir.js'
import { f32, type OpCase, type OperandCase } from './case.js'

const shapes = [[1], [3, 5], [2, 7, 33]]

/** One op over odd sizes. */
const over = (op: string, options: Omit<OperandCase, 'shape'> = {}, attributes?: Attributes): OpCase[] =>
  shapes.map((shape) => ({ op, inputs: [f32(shape, options)], attributes, gradient: [0] }))

const kink = { avoid: [0] }
const wide = { range: [-5, 5] } as const

export const activationCases: readonly OpCase[] = [
  ...over('Relu', kink),
  ...over('LeakyRelu', kink),
  ...over('LeakyRelu', kink, { alpha: 0.3 }),
  ...over('LeakyRelu', kink, { alpha: -0.3 }),
  ...over('Elu', kink),
  ...over('Elu', kink, { alpha: 0.5 }),
  ...over('Elu', kink, { alpha: -0.5 }),
  ...over('Selu', kink),
  ...over('Celu', kink),
  ...over('Celu', kink, { alpha: 1.5 }),
  ...over('Softplus', wide),
  ...over('Softsign', wide),
  ...over('Sigmoid', wide),
  ...over('HardSigmoid', { ...wide, avoid: [-2.5, 2.5] }),
  ...over('HardSigmoid', { ...wide, avoid: [-3, 3] }, { alpha: 1 / 6, beta: 0.5 }),
  ...over('HardSwish', { ...wide, avoid: [-3, 3] }),
  ...over('Tanh', wide),
  ...over('ThresholdedRelu', { avoid: [1] }),
  ...over('ThresholdedRelu', { avoid: [-0.5] }, { alpha: -0.5 }),
  ...over('Mish', wide),
  ...over('Swish', wide),
  ...over('Swish', wide, { alpha: 1.7 }),
  ...over('Gelu', wide),
  ...over('Gelu', wide, { approximate: 'tanh' }),
  { op: 'PRelu', inputs: [f32([2, 3, 5], kink), f32([2, 3, 5])], gradient: [0, 1] },
  { op: 'PRelu', inputs: [f32([2, 3, 5], kink), f32([3, 1])], gradient: [0, 1] },
  { op: 'PRelu', inputs: [f32([7, 17], kink), f32([1])], gradient: [0, 1] },
  {
    op: 'Clip',
    inputs: [f32([3, 17], { avoid: [-0.5, 1] }), f32([], { values: [-0.5] }), f32([], { values: [1] })],
    gradient: [0],
  },
  { op: 'Clip', inputs: [f32([33], { avoid: [0.3] }), undefined, f32([], { values: [0.3] })], gradient: [0] },
  { op: 'Clip', inputs: [f32([33], kink), f32([], { values: [0] })], gradient: [0] },
  { op: 'Clip', inputs: [f32([5])], gradient: [0] },
  { op: 'lanewise.ReluGradient', inputs: [f32([3, 33]), f32([3, 33], kink)], gradient: [0] },
  { op: 'lanewise.SigmoidGradient', inputs: [f32([3, 33]), f32([3, 33], { range: [0, 1] })], gradient: [0, 1] },
  { op: 'lanewise.TanhGradient', inputs: [f32([3, 33]), f32([3, 33], { range: [-1, 1] })], gradient: [0, 1] },
]
