import { f32, type OpCase } from './case.js'

const shapes = [[1], [3, 5], [2, 7, 33]]

export const activationCases: readonly OpCase[] = [
  ...shapes.map((shape) => ({ op: 'Relu', inputs: [f32(shape, { avoid: [0] })], gradient: [0] })),
]
