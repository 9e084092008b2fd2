import { f32, type OpCase } from './case.js'

const shapes = [
  [3, 4],
  [2, 4, 7],
  [2, 4, 3, 5],
]

export const normCases: readonly OpCase[] = [
  ...shapes.flatMap((shape): OpCase[] => [
    {
      op: 'InstanceNormalization',
      inputs: [f32(shape), f32([4]), f32([4])],
      attributes: { epsilon: 1e-3 },
      gradient: [0, 1, 2],
    },
    {
      op: 'GroupNormalization',
      inputs: [f32(shape), f32([4]), f32([4])],
      attributes: { num_groups: 2, epsilon: 1e-3 },
      gradient: [0, 1, 2],
    },
    {
      op: 'GroupNormalization',
      note: 'scale by group',
      inputs: [f32(shape), f32([2]), f32([2])],
      attributes: { num_groups: 2 },
      gradient: [0, 1, 2],
    },
    {
      op: 'BatchNormalization',
      note: 'training',
      inputs: [f32(shape), f32([4]), f32([4]), f32([4]), f32([4], { range: [0.5, 2] })],
      attributes: { training_mode: 1, momentum: 0.8, epsilon: 1e-3 },
      outputs: 3,
      gradient: [0, 1, 2, 3, 4],
    },
    { op: 'RMSNormalization', inputs: [f32(shape), f32([shape.at(-1)!])], gradient: [0, 1] },
    { op: 'RMSNormalization', inputs: [f32(shape), f32(shape.slice(1))], attributes: { axis: 1 }, gradient: [0, 1] },
    { op: 'LpNormalization', inputs: [f32(shape)], gradient: [0] },
    { op: 'LpNormalization', inputs: [f32(shape, { avoid: [0] })], attributes: { p: 1, axis: 1 }, gradient: [0] },
    { op: 'LRN', inputs: [f32(shape)], attributes: { size: 3, alpha: 0.5, bias: 0.7, beta: 0.6 }, gradient: [0] },
    { op: 'LRN', inputs: [f32(shape)], attributes: { size: 4, alpha: 0.5 }, gradient: [0] },
  ]),
  { op: 'MeanVarianceNormalization', inputs: [f32([2, 3, 4, 5])], gradient: [0] },
  { op: 'MeanVarianceNormalization', inputs: [f32([3, 7])], attributes: { axes: [1] }, gradient: [0] },
]

const labels = (shape: readonly number[], data: readonly number[]) => ({ shape, dtype: 'int64' as const, data })

export const lossCases: readonly OpCase[] = ['none', 'mean', 'sum'].flatMap((reduction): OpCase[] =>
  ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'].flatMap((op): OpCase[] => [
    { op, inputs: [f32([3, 4]), labels([3], [1, 0, 3])], attributes: { reduction }, gradient: [0] },
    {
      op,
      inputs: [f32([2, 3, 3]), labels([2, 3], [1, 0, 2, 2, -1, 1]), f32([3], { range: [0.5, 2] })],
      attributes: { reduction, ignore_index: -1 },
      gradient: [0, 2],
    },
    {
      op,
      inputs: [f32([2, 3, 2]), labels([2, 2], [1, 0, 5, 1])],
      attributes: { reduction, ignore_index: 5 },
      gradient: [0],
    },
    ...(op === 'SoftmaxCrossEntropyLoss'
      ? [{ op, inputs: [f32([3, 4]), labels([3], [1, 0, 3])], attributes: { reduction }, outputs: 2, gradient: [0] }]
      : []),
  ]),
)

export const hardmaxCases: readonly OpCase[] = [
  { op: 'Hardmax', inputs: [f32([3, 5])] },
  { op: 'Hardmax', inputs: [f32([2, 3, 4])], attributes: { axis: 1 } },
]
