import type { Attributes } from '../../src/core/ir.js'
import { f32, i64, type OpCase } from './case.js'

const scales = (...values: number[]) => f32([values.length], { values })

/** Resizes of one input shape under many attributes. */
const rows: readonly (readonly [shape: readonly number[], scales: readonly number[], attributes: Attributes])[] = [
  [[1, 2, 3, 5], [1, 1, 2, 2], {}],
  [[1, 2, 3, 5], [1, 1, 2, 3], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }],
  [[2, 3, 5, 7], [1, 1, 2, 2], { mode: 'linear' }],
  [[2, 2, 3, 5], [1, 1, 1.5, 0.6], { mode: 'linear', coordinate_transformation_mode: 'align_corners' }],
  [[1, 2, 6, 8], [1, 1, 0.5, 0.7], { mode: 'linear', antialias: 1 }],
  [[1, 2, 6, 8], [1, 1, 0.5, 2], { mode: 'cubic', antialias: 1 }],
  [[1, 1, 4, 5], [1, 1, 2, 1.3], { mode: 'cubic', exclude_outside: 1, cubic_coeff_a: -0.5 }],
  [[1, 2, 5], [1, 1, 0.7], { mode: 'linear', coordinate_transformation_mode: 'half_pixel_symmetric' }],
  [[1, 2, 3, 4, 5], [1, 1, 2, 2, 2], { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' }],
]

export const resizeCases: readonly OpCase[] = [
  ...rows.map(
    ([shape, factors, attributes]): OpCase => ({
      op: 'Resize',
      inputs: [f32(shape), undefined, scales(...factors)],
      attributes,
      gradient: [0],
    }),
  ),
  {
    op: 'Resize',
    inputs: [f32([1, 2, 4, 6]), undefined, undefined, i64([7, 8])],
    attributes: { axes: [2, 3], mode: 'linear', keep_aspect_ratio_policy: 'not_larger' },
    gradient: [0],
  },
  {
    op: 'Resize',
    inputs: [f32([1, 1, 4, 6]), f32([4], { values: [0.2, -0.4, 0.6, 1.2] }), undefined, i64([5, 5])],
    attributes: {
      axes: [2, 3],
      mode: 'linear',
      coordinate_transformation_mode: 'tf_crop_and_resize',
      extrapolation_value: 3,
    },
    gradient: [0],
  },
  {
    op: 'Resize',
    inputs: [{ shape: [1, 1, 3, 4], dtype: 'uint8', range: [0, 255] }, undefined, scales(1, 1, 2, 2)],
    attributes: { mode: 'cubic' },
  },
  {
    op: 'lanewise.Resample',
    inputs: [
      f32([2, 3, 5]),
      { shape: [2, 2], dtype: 'int32', values: [2, 0, 1, 1] },
      f32([2, 2], { values: [0.5, -1, 2, 0.25] }),
    ],
    attributes: { axis: 1 },
    gradient: [0],
  },
]
