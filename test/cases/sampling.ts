import { onnxTypeCode } from '../../src/core/dtype.js'
import { f32, type OpCase } from './case.js'

export const samplingCases: readonly OpCase[] = [
  { op: 'RandomNormal', inputs: [], attributes: { shape: [3, 5], seed: 7 } },
  { op: 'RandomUniform', inputs: [], attributes: { shape: [3, 5], seed: 7, low: -1, high: 2 } },
  { op: 'RandomNormalLike', inputs: [f32([3, 5])], attributes: { seed: 1, mean: 3, scale: 0.5 } },
  { op: 'RandomUniformLike', inputs: [f32([3, 5])], attributes: { seed: 1, dtype: onnxTypeCode.float64 } },
  { op: 'Bernoulli', inputs: [f32([3, 5], { range: [0, 1] })], attributes: { seed: 2 } },
  { op: 'Multinomial', inputs: [f32([3, 5])], attributes: { seed: 2, sample_size: 4 } },
]
