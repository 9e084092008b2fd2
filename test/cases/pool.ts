import type { Attributes } from '../../src/core/ir.js'
import { f32, type OpCase } from './case.js'

const windows: readonly { x: readonly number[]; attributes: Attributes }[] = [
  { x: [1, 1, 1], attributes: { kernel_shape: [1] } },
  { x: [2, 3, 7], attributes: { kernel_shape: [3], strides: [2], pads: [1, 1] } },
  { x: [2, 3, 6, 7], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { x: [1, 5, 7, 5], attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] } },
  { x: [1, 2, 7, 8], attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
  { x: [1, 2, 7, 7], attributes: { kernel_shape: [2, 3], dilations: [2, 2] } },
  { x: [1, 3, 5, 6], attributes: { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' } },
  { x: [1, 3, 5, 6], attributes: { kernel_shape: [3, 2], strides: [2, 1], auto_pad: 'SAME_LOWER' } },
  { x: [1, 2, 3, 4, 5], attributes: { kernel_shape: [2, 2, 2], strides: [1, 2, 1] } },
  { x: [2, 3, 1, 2], attributes: { kernel_shape: [2, 4], strides: [2, 3] } },
  { x: [1, 2, 1, 4], attributes: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 0, 0], ceil_mode: 1 } },
]

const global = [
  [1, 1, 1],
  [2, 3, 5, 7],
  [1, 2, 3, 4, 3],
]

export const poolCases: readonly OpCase[] = [
  ...windows.flatMap(({ x, attributes }): OpCase[] => [
    { op: 'MaxPool', inputs: [f32(x, { distinct: true })], attributes, gradient: [0] },
    { op: 'AveragePool', inputs: [f32(x)], attributes, gradient: [0] },
    { op: 'AveragePool', inputs: [f32(x)], attributes: { ...attributes, count_include_pad: 1 }, gradient: [0] },
  ]),
  ...[{ x: [2, 3, 5, 5], attributes: { kernel_shape: [2, 2] } }, ...windows.slice(1, 9)].flatMap(
    ({ x, attributes }): OpCase[] =>
      [0, 1].map((order) => ({
        op: 'MaxPool',
        note: 'with indices',
        inputs: [f32(x, { distinct: true })],
        attributes: { ...attributes, storage_order: order },
        outputs: 2,
        gradient: [0],
      })),
  ),
  {
    op: 'MaxPool',
    note: 'windows of padding alone',
    inputs: [{ shape: [1, 1, 3], dtype: 'int8', values: [-5, -7, -6] }],
    attributes: { kernel_shape: [2], dilations: [4], pads: [3, 6] },
  },
  {
    op: 'lanewise.AveragePoolGradient',
    inputs: [f32([1, 2, 3, 3])],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], input_shape: [1, 2, 5, 5] },
    gradient: [0],
  },
  ...global.flatMap((x): OpCase[] => [
    { op: 'GlobalAveragePool', inputs: [f32(x)], gradient: [0] },
    { op: 'GlobalMaxPool', inputs: [f32(x, { distinct: true })], gradient: [0] },
  ]),
]
