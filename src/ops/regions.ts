import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { concrete, formatShape } from '../core/shape.js'
import {
  type AttributeSchema,
  type InferenceContext,
  intAttribute,
  intsAttribute,
  type OpDefinition,
} from './definition.js'
import { required, requireFloat } from './infer.js'
import { groupOf, windowOutput } from './window.js'

const spatialScale = { type: 'float', default: 1 } as const satisfies AttributeSchema

function planeOf(context: InferenceContext): TensorType {
  const x = requireFloat(required(context, 0))
  if (x.shape.length !== 4) throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, H, W], got ${formatShape(x.shape)}`)
  return x
}

function inferDeformConv(context: InferenceContext): TensorType[] {
  const { attributes, inputs } = context
  const x = planeOf(context)
  const [weight, offset] = [required(context, 1), required(context, 2)]
  if (weight.shape.length !== 4 || offset.shape.length !== 4)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `weight ${formatShape(weight.shape)} and offset ${formatShape(offset.shape)} need 4 axes`,
    )
  const kernel = concrete(weight.shape.slice(2), 'the weight')
  const channels = x.shape[1]
  groupOf(attributes, channels, weight.shape[0])
  const offsets = intAttribute(attributes, 'offset_group')
  const taps = kernel[0] * kernel[1]
  const wanted = [2 * offsets * taps, offsets * taps]
  for (const [index, operand] of [offset, inputs[4]].entries())
    if (operand && typeof operand.shape[1] === 'number' && operand.shape[1] !== wanted[index])
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `${index === 0 ? 'offset' : 'mask'} ${formatShape(operand.shape)} must have ${wanted[index]} channels`,
      )
  return [
    { dtype: x.dtype, shape: [x.shape[0], weight.shape[0], ...windowOutput(attributes, kernel, x.shape.slice(2))] },
  ]
}

/** Ops that sample an image at computed places. */
export const regions = {
  /** x [N, C, H, W], rois [R, 4] (x1, y1, x2, y2), batch indices [R] -> [R, C, height, width] (He et al., 2017). */
  RoiAlign: {
    since: 16,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: {
      coordinate_transformation_mode: { type: 'string', default: 'half_pixel' },
      mode: { type: 'string', default: 'avg' },
      output_height: { type: 'int', default: 1 },
      output_width: { type: 'int', default: 1 },
      sampling_ratio: { type: 'int', default: 0 },
      spatial_scale: spatialScale,
    },
    infer: (context) => {
      const x = planeOf(context)
      const { mode, coordinate_transformation_mode: place } = context.attributes
      if ((mode !== 'avg' && mode !== 'max') || (place !== 'half_pixel' && place !== 'output_half_pixel'))
        throw new LanewiseError('INVALID_MODEL', `mode '${mode}' and transformation '${place}' are not known`)
      const [height, width] = ['output_height', 'output_width'].map((name) => intAttribute(context.attributes, name))
      return [{ dtype: x.dtype, shape: [required(context, 1).shape[0], x.shape[1], height, width] }]
    },
    gradientUnknown: true,
  },

  /** x [N, C, H, W], rois [R, 5] (image, x1, y1, x2, y2) -> [R, C, …pooled_shape]: maxima (Girshick, 2015). */
  MaxRoiPool: {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { pooled_shape: { type: 'ints', required: true }, spatial_scale: spatialScale },
    infer: (context) => {
      const x = planeOf(context)
      const pooled = intsAttribute(context.attributes, 'pooled_shape')!
      if (pooled.length !== 2)
        throw new LanewiseError('INVALID_MODEL', `pooled_shape ${formatShape(pooled)} needs 2 entries`)
      return [{ dtype: x.dtype, shape: [required(context, 1).shape[0], x.shape[1], ...pooled] }]
    },
    gradientUnknown: true,
  },

  /** x [N, C, H, W], w [O, C/group, kh, kw], offset, bias? [O], mask? -> y: each tap moved by its offset (Zhu et al., 2018). */
  DeformConv: {
    since: 19,
    inputs: [3, 5],
    outputs: [1, 1],
    attributes: {
      dilations: { type: 'ints' },
      group: { type: 'int', default: 1 },
      kernel_shape: { type: 'ints' },
      offset_group: { type: 'int', default: 1 },
      pads: { type: 'ints' },
      strides: { type: 'ints' },
    },
    infer: inferDeformConv,
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
