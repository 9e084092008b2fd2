import { f32, type OpCase } from './case.js'

const rois = { shape: [2, 4], dtype: 'float32' as const, data: [0.5, 1, 4, 5, 2, 0, 6, 3] }
const batches = { shape: [2], dtype: 'int64' as const, data: [1, 0] }

export const regionCases: readonly OpCase[] = [
  ...['avg', 'max'].flatMap((mode): OpCase[] => [
    {
      op: 'RoiAlign',
      inputs: [f32([2, 3, 6, 7]), rois, batches],
      attributes: { mode, output_height: 2, output_width: 3, sampling_ratio: 2 },
    },
    {
      op: 'RoiAlign',
      inputs: [f32([2, 3, 6, 7]), rois, batches],
      attributes: { mode, output_height: 2, output_width: 2, coordinate_transformation_mode: 'output_half_pixel' },
    },
  ]),
  ...['avg', 'max'].map(
    (mode): OpCase => ({
      op: 'RoiAlign',
      note: 'more samples than fit at one time',
      inputs: [f32([2, 3, 6, 7]), rois, batches],
      attributes: { mode, output_height: 2, output_width: 1, sampling_ratio: 100 },
    }),
  ),
  {
    op: 'MaxRoiPool',
    inputs: [f32([2, 3, 6, 7]), { shape: [2, 5], data: [1, 0, 1, 4, 5, 0, 2, 0, 6, 3] }],
    attributes: { pooled_shape: [2, 3] },
  },
  { op: 'DeformConv', inputs: [f32([1, 2, 5, 5]), f32([3, 2, 2, 2]), f32([1, 8, 4, 4])] },
  {
    op: 'DeformConv',
    inputs: [f32([2, 4, 5, 5]), f32([6, 2, 3, 3]), f32([2, 36, 5, 5]), f32([6]), f32([2, 18, 5, 5])],
    attributes: { group: 2, offset_group: 2, pads: [1, 1, 1, 1] },
  },
]
