import { Tensor } from '../../../src/core/tensor.js'
import type { Draft, NodeDraft } from './draft.js'
import type { Attributes, Drawings } from './elementwise.js'

function resize(draft: Draft): NodeDraft | undefined {
  if (draft.opset < 10) return undefined
  const rank = draft.pick([1, 2, 2, 2, 3])
  const dims = [draft.pick([1, 2]), draft.pick([1, 2, 3]), ...Array.from({ length: rank }, () => draft.between(1, 7))]
  const x = draft.operand({
    types: draft.opset >= 11 ? ['float32', 'float32', 'float64', 'uint8', 'int32', 'int8'] : ['float32'],
    dims,
  })
  const whole = draft.opset >= 11 && !draft.tensorOf(x).type.startsWith('float')
  const mode = whole
    ? 'nearest'
    : draft.pick(draft.opset < 11 || rank !== 2 ? ['nearest', 'linear'] : ['nearest', 'linear', 'cubic'])
  const scale = () => draft.pick([0.4, 0.5, 0.75, 1, 1.3, 2, 2.5, 3])
  const spatial = dims.slice(2)
  if (draft.opset < 11)
    return {
      op: 'Resize',
      inputs: [x, draft.hold(new Tensor('float32', [1, 1, ...spatial.map(scale)]))],
      attributes: { mode: { s: mode } },
    }
  const attributes: Attributes = { mode: { s: mode } }
  const coordinate = draft.pick([
    'half_pixel',
    'half_pixel',
    'asymmetric',
    'align_corners',
    'pytorch_half_pixel',
    ...(draft.opset >= 19 ? ['half_pixel_symmetric'] : []),
    ...(draft.opset < 13 && mode !== 'nearest' ? [] : []),
    'tf_crop_and_resize',
  ])
  if (draft.chance(0.8)) attributes.coordinate_transformation_mode = { s: coordinate }
  const cropped = attributes.coordinate_transformation_mode && coordinate === 'tf_crop_and_resize'
  if (mode === 'nearest' && draft.chance(0.7))
    attributes.nearest_mode = { s: draft.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) }
  if (mode === 'cubic' && draft.chance(0.5)) attributes.cubic_coeff_a = { f: draft.pick([-0.5, -0.75]) }
  if (mode === 'cubic' && draft.chance(0.3)) attributes.exclude_outside = { i: 1 }
  if (draft.opset >= 18 && mode !== 'nearest' && draft.chance(0.3) && !cropped) attributes.antialias = { i: 1 }
  const partial = draft.opset >= 18 && draft.chance(0.4) && !cropped
  const axes = partial ? [2, 3, 4].slice(0, rank) : dims.map((_, axis) => axis)
  if (partial) attributes.axes = { ints: axes }
  if (cropped && draft.chance(0.5)) attributes.extrapolation_value = { f: 1.5 }
  const roi = cropped
    ? draft.hold(
        new Tensor('float32', [
          ...dims.map((_, axis) => (axis < 2 ? 0 : draft.random.uniform(0, 0.4))),
          ...dims.map((_, axis) => (axis < 2 ? 1 : draft.random.uniform(0.6, 1.2))),
        ]),
      )
    : draft.opset >= 13
      ? ''
      : draft.hold(new Tensor('float32', [], [0]))
  const exact = coordinate === 'align_corners' || cropped || mode === 'nearest'
  const bySizes = exact || draft.chance(0.5)
  if (!bySizes)
    return {
      op: 'Resize',
      inputs: [
        x,
        roi,
        draft.hold(
          new Tensor(
            'float32',
            axes.map((axis) => (axis < 2 ? 1 : scale())),
          ),
        ),
      ],
      attributes,
    }
  const policy =
    draft.opset >= 18 && draft.chance(0.3) && partial ? draft.pick(['not_larger', 'not_smaller', 'stretch']) : undefined
  if (policy) attributes.keep_aspect_ratio_policy = { s: policy }
  const sizes = axes.map((axis) => (axis < 2 ? dims[axis] : draft.between(1, 10)))
  return {
    op: 'Resize',
    inputs: [
      x,
      roi,
      draft.opset >= 13 ? '' : draft.hold(new Tensor('float32', [], [0])),
      draft.hold(new Tensor('int64', sizes)),
    ],
    attributes,
  }
}

export const sampling: Drawings = {
  Resize: resize,
  Upsample: (draft) => {
    if (draft.opset > 9) return undefined
    const x = draft.operand({ dims: [1, draft.between(1, 3), draft.between(1, 5), draft.between(1, 5)] })
    const scales = [1, 1, draft.pick([1, 2, 1.5, 3]), draft.pick([1, 2, 2.5])]
    const mode = { s: draft.pick(['nearest', 'linear']) }
    return draft.opset < 9
      ? { op: 'Upsample', inputs: [x], attributes: { mode, scales: { floats: scales } } }
      : { op: 'Upsample', inputs: [x, draft.hold(new Tensor('float32', scales))], attributes: { mode } }
  },
  GridSample: (draft) => {
    if (draft.opset < 16) return undefined
    const [n, c, h, w] = [draft.between(1, 2), draft.between(1, 3), draft.between(1, 5), draft.between(1, 5)]
    const volume = draft.opset >= 20 && draft.chance(0.2)
    const x = draft.operand({ dims: volume ? [n, c, 3, h, w] : [n, c, h, w] })
    const grid = draft.operand({
      dims: volume ? [n, 2, 3, 2, 3] : [n, draft.between(1, 4), draft.between(1, 4), 2],
      low: -1.4,
      high: 1.4,
      fresh: true,
    })
    const padding = draft.pick(['zeros', 'border', 'reflection'])
    // Beyond the border on one axis, onnxruntime limits the other axis, too; only cubic weights show it.
    const cubic = padding === 'border' ? [] : [draft.opset < 20 ? 'bicubic' : 'cubic']
    const modes =
      draft.opset < 20
        ? ['bilinear', 'nearest', ...cubic]
        : volume
          ? ['linear', 'nearest']
          : ['linear', 'nearest', ...cubic]
    return {
      op: 'GridSample',
      inputs: [x, grid],
      attributes: {
        mode: { s: draft.pick(modes) },
        padding_mode: { s: padding },
        align_corners: { i: draft.between(0, 1) },
      },
    }
  },
  AffineGrid: (draft) => {
    if (draft.opset < 20) return undefined
    const volume = draft.chance(0.3)
    const n = draft.between(1, 2)
    return {
      op: 'AffineGrid',
      inputs: [
        draft.operand({ dims: volume ? [n, 3, 4] : [n, 2, 3] }),
        draft.ints(volume ? [n, 2, 2, 3, 4] : [n, 2, 3, 4]),
      ],
      attributes: { align_corners: { i: draft.between(0, 1) } },
    }
  },
  RoiAlign: (draft) => {
    if (draft.opset < 10) return undefined
    const n = draft.between(1, 2)
    const count = draft.between(1, 3)
    const x = draft.operand({ dims: [n, draft.between(1, 3), draft.between(3, 7), draft.between(3, 7)] })
    const rois = draft.hold(
      new Tensor(
        'float32',
        Array.from({ length: count }, () => [
          draft.random.uniform(-1, 2),
          draft.random.uniform(-1, 2),
          draft.random.uniform(2, 6),
          draft.random.uniform(2, 8),
        ]).flat(),
        [count, 4],
      ),
    )
    return {
      op: 'RoiAlign',
      inputs: [x, rois, draft.ints(Array.from({ length: count }, () => draft.random.integer(n)))],
      attributes: {
        output_height: { i: draft.between(1, 3) },
        output_width: { i: draft.between(1, 3) },
        sampling_ratio: { i: draft.between(0, 2) },
        spatial_scale: { f: draft.pick([1, 0.5]) },
        ...(draft.chance(0.5) ? { mode: { s: draft.pick(['avg', 'max']) } } : {}),
        ...(draft.opset >= 16 && draft.chance(0.6)
          ? { coordinate_transformation_mode: { s: draft.pick(['half_pixel', 'output_half_pixel']) } }
          : {}),
      },
    }
  },
  MaxRoiPool: (draft) => {
    const n = draft.between(1, 2)
    const count = draft.between(1, 3)
    const x = draft.operand({ dims: [n, draft.between(1, 3), draft.between(3, 7), draft.between(3, 7)] })
    const rois = draft.hold(
      new Tensor(
        'float32',
        Array.from({ length: count }, () => [
          draft.random.integer(n),
          draft.between(0, 2),
          draft.between(0, 2),
          draft.between(2, 7),
          draft.between(2, 7),
        ]).flat(),
        [count, 5],
      ),
    )
    return {
      op: 'MaxRoiPool',
      inputs: [x, rois],
      attributes: {
        pooled_shape: { ints: [draft.between(1, 3), draft.between(1, 3)] },
        ...(draft.chance(0.5) ? { spatial_scale: { f: 0.5 } } : {}),
      },
    }
  },
  NonMaxSuppression: (draft) => {
    if (draft.opset < 10) return undefined
    const [batches, boxes, classes] = [draft.between(1, 2), draft.between(1, 9), draft.between(1, 3)]
    const corners = Array.from({ length: batches * boxes }, () => {
      const [y, x] = [draft.random.uniform(0, 3), draft.random.uniform(0, 3)]
      const corner = [y, x, y + draft.random.uniform(0.3, 2), x + draft.random.uniform(0.3, 2)]
      return draft.chance(0.2) ? [corner[2], corner[3], corner[0], corner[1]] : corner
    }).flat()
    const inputs = [
      draft.hold(new Tensor('float32', corners, [batches, boxes, 4])),
      draft.operand({ dims: [batches, classes, boxes], low: 0, high: 1, fresh: true }),
    ]
    if (draft.chance(0.9)) inputs.push(draft.ints([draft.between(0, 5)], 'int64', draft.chance(0.5) ? [] : [1]))
    if (inputs.length === 3 && draft.chance(0.7)) inputs.push(draft.hold(Tensor.scalar(draft.random.uniform(0, 1))))
    if (inputs.length === 4 && draft.chance(0.6)) inputs.push(draft.hold(Tensor.scalar(draft.random.uniform(0, 0.7))))
    return {
      op: 'NonMaxSuppression',
      inputs,
      attributes: draft.chance(0.4) ? { center_point_box: { i: draft.between(0, 1) } } : {},
    }
  },
}
