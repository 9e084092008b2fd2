import { f32, type OpCase } from './case.js'

const along: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[7], 0],
  [[3, 10], -1],
  [[5, 33], 1],
  [[2, 3, 17], 1],
  [[2, 3, 5], 0],
]

const probabilities = { range: [0.05, 0.5] } as const

export const softmaxCases: readonly OpCase[] = [
  ...along.flatMap(([shape, axis]): OpCase[] => [
    { op: 'Softmax', inputs: [f32(shape)], attributes: { axis }, gradient: [0] },
    { op: 'LogSoftmax', inputs: [f32(shape)], attributes: { axis }, gradient: [0] },
    {
      op: 'lanewise.SoftmaxGradient',
      inputs: [f32(shape), f32(shape, probabilities)],
      attributes: { axis },
      gradient: [0, 1],
    },
  ]),
  { op: 'Softmax', note: 'large logits', inputs: [f32([3, 7], { range: [-300, 300] })] },
  ...[[10], [3, 10], [5, 1], [2, 3, 17]].flatMap((shape): OpCase[] => [
    {
      op: 'lanewise.SoftmaxCrossEntropy',
      inputs: [f32(shape), f32(shape, probabilities)],
      outputs: 2,
      gradient: [0, 1],
    },
    {
      op: 'lanewise.SoftmaxCrossEntropyGradient',
      inputs: [f32(shape.slice(0, -1)), f32(shape, probabilities), f32(shape, probabilities)],
    },
  ]),
]
