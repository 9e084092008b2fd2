import { f32, i32, i64, type OpCase } from './case.js'

const grids = ['linear', 'nearest', 'cubic'].flatMap((mode) =>
  ['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    [0, 1].map(
      (align_corners): OpCase => ({
        op: 'GridSample',
        inputs: [f32([2, 2, 4, 5]), f32([2, 3, 3, 2], { range: [-1.5, 1.5] })],
        attributes: { mode, padding_mode, align_corners },
        // The nearest pixel does not change with the grid.
        gradient: mode === 'nearest' ? [0] : [0, 1],
      }),
    ),
  ),
)

export const layoutCases: readonly OpCase[] = [
  { op: 'DepthToSpace', inputs: [f32([2, 8, 2, 3])], attributes: { blocksize: 2 }, gradient: [0] },
  { op: 'DepthToSpace', inputs: [f32([1, 18, 1, 2])], attributes: { blocksize: 3, mode: 'CRD' }, gradient: [0] },
  { op: 'SpaceToDepth', inputs: [f32([2, 3, 4, 6])], attributes: { blocksize: 2 }, gradient: [0] },
  { op: 'CenterCropPad', inputs: [f32([5, 4, 3]), i64([3, 7, 3])], gradient: [0] },
  { op: 'CenterCropPad', inputs: [f32([5, 4, 3]), i64([2, 6])], attributes: { axes: [-1, 0] }, gradient: [0] },
  { op: 'CenterCropPad', inputs: [i32([4, 5]), i64([5, 2])] },
  { op: 'AffineGrid', inputs: [f32([2, 2, 3]), i64([2, 1, 3, 4])], gradient: [0] },
  { op: 'AffineGrid', inputs: [f32([1, 3, 4]), i64([1, 1, 2, 3, 4])], attributes: { align_corners: 1 }, gradient: [0] },
  ...grids,
  { op: 'GridSample', inputs: [f32([1, 2, 3, 4, 3]), f32([1, 2, 2, 3, 3], { range: [-1, 1] })], gradient: [0, 1] },
]
