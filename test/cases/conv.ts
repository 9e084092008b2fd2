import type { Attributes } from '../../src/core/ir.js'
import { f32, type OpCase } from './case.js'

interface Geometry {
  readonly x: readonly number[]
  readonly w: readonly number[]
  readonly attributes?: Attributes
}

const geometries: readonly Geometry[] = [
  { x: [1, 1, 1], w: [1, 1, 1] },
  { x: [2, 3, 7], w: [5, 3, 3], attributes: { strides: [2], pads: [1, 2] } },
  { x: [2, 1, 7, 5], w: [3, 1, 3, 3] },
  { x: [2, 3, 5, 7], w: [17, 3, 3, 1], attributes: { pads: [1, 0, 1, 0], strides: [2, 1] } },
  { x: [1, 3, 7, 7], w: [5, 3, 3, 3], attributes: { dilations: [2, 2] } },
  { x: [1, 4, 5, 5], w: [6, 2, 3, 3], attributes: { group: 2, pads: [1, 1, 1, 1] } },
  // Several images in one register tile.
  { x: [3, 2, 4, 4], w: [3, 2, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { x: [3, 2, 8, 2], w: [1, 2, 3, 3], attributes: { strides: [3, 3], pads: [2, 1, 0, 0] } },
  { x: [2, 5, 5, 5], w: [5, 1, 3, 3], attributes: { group: 5, auto_pad: 'SAME_UPPER', strides: [2, 2] } },
  { x: [1, 2, 6, 6], w: [3, 2, 4, 4], attributes: { auto_pad: 'SAME_LOWER' } },
  { x: [1, 2, 4, 5, 3], w: [3, 2, 2, 3, 1], attributes: { strides: [2, 1, 1] } },
  { x: [2, 3, 5, 4, 6], w: [5, 3, 3, 3, 3], attributes: { pads: [1, 1, 1, 1, 1, 1] } },
  { x: [1, 4, 5, 6, 5], w: [6, 2, 2, 3, 3], attributes: { group: 2, dilations: [2, 1, 1], pads: [1, 0, 1, 2, 1, 0] } },
  { x: [2, 2, 3, 3, 4], w: [3, 2, 1, 2, 2] },
]

const bias = ({ w }: Geometry) => f32([w[0]])

/** Windows with explicit pads, and the output that Conv has of them. */
const gradients: readonly (Geometry & { y: readonly number[] })[] = [
  { x: [2, 3, 7], w: [5, 3, 3], y: [2, 5, 4], attributes: { kernel_shape: [3], strides: [2], pads: [1, 1] } },
  { x: [1, 4, 5, 6], w: [6, 2, 3, 3], y: [1, 6, 5, 3], attributes: { group: 2, strides: [1, 2], pads: [1, 1, 1, 1] } },
  { x: [1, 3, 7, 7], w: [2, 3, 3, 3], y: [1, 2, 3, 3], attributes: { dilations: [2, 2] } },
  {
    x: [1, 4, 5, 4, 5],
    w: [6, 2, 3, 2, 3],
    y: [1, 6, 2, 4, 5],
    attributes: { group: 2, strides: [2, 1, 1], pads: [0, 0, 1, 1, 1, 1] },
  },
]

const transposed: readonly Geometry[] = [
  { x: [1, 2, 5], w: [2, 3, 3] },
  { x: [2, 3, 3, 4], w: [3, 2, 3, 2], attributes: { strides: [2, 3], output_padding: [1, 2] } },
  { x: [1, 4, 3, 3], w: [4, 3, 3, 3], attributes: { group: 2, pads: [1, 0, 1, 1], dilations: [2, 1] } },
  { x: [1, 2, 3, 3], w: [2, 3, 3, 3], attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] } },
  { x: [1, 1, 3, 3], w: [1, 2, 3, 3], attributes: { output_shape: [10, 8], strides: [3, 2] } },
  { x: [1, 2, 2, 3, 2], w: [2, 3, 3, 2, 2], attributes: { strides: [2, 1, 2], output_padding: [1, 0, 1] } },
]

export const convCases: readonly OpCase[] = [
  ...geometries.flatMap((geometry): OpCase[] => [
    { op: 'Conv', inputs: [f32(geometry.x), f32(geometry.w)], attributes: geometry.attributes, gradient: [0, 1] },
    {
      op: 'Conv',
      inputs: [f32(geometry.x), f32(geometry.w), bias(geometry)],
      attributes: geometry.attributes,
      gradient: [0, 1, 2],
    },
  ]),
  ...gradients.flatMap(({ x, w, y, attributes }): OpCase[] => [
    {
      op: 'lanewise.ConvInputGradient',
      inputs: [f32(y), f32(w)],
      attributes: { ...attributes, input_shape: x },
      gradient: [0, 1],
    },
    {
      op: 'lanewise.ConvWeightGradient',
      inputs: [f32(x), f32(y)],
      attributes: { ...attributes, weight_shape: w },
      gradient: [0, 1],
    },
  ]),
  {
    op: 'lanewise.MaxPooledConvNhwc',
    inputs: [f32([2, 10, 13, 1]), f32([3, 3, 1, 4]), f32([4])],
    attributes: { pool_shape: [2, 3], activation: 'relu' },
  },
  {
    op: 'lanewise.MaxPooledConvWeightGradientNhwc',
    inputs: [f32([2, 10, 13, 1]), f32([2, 4, 3, 4]), { shape: [2, 4, 3, 4], dtype: 'int32', range: [0, 6] }],
    attributes: { pool_shape: [2, 3], weight_shape: [3, 3, 1, 4] },
  },
  ...transposed.flatMap(({ x, w, attributes }): OpCase[] => {
    const channels = w[1] * ((attributes?.['group'] as number | undefined) ?? 1)
    return [{ op: 'ConvTranspose', inputs: [f32(x), f32(w), f32([channels])], attributes, gradient: [0, 1, 2] }]
  }),
]
