import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType } from '../core/ir.js'
import { concrete, formatShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { axesFrom, inputShape } from './compose.js'
import {
  type AttributeSchema,
  type InferenceContext,
  intAttribute,
  intsAttribute,
  type OpDefinition,
} from './definition.js'
import { freshShape, knownInts, lengthOf, required, requireFloat } from './infer.js'
import { windowAttributes, windowOf, windowOutput, windowToAttributes } from './window.js'

const power = { type: 'int', default: 2 } as const satisfies AttributeSchema

/** The shape that MaxUnpool gives without an output_shape: that of a MaxPool's input without remainders. */
function unpooledShape(context: InferenceContext): TensorType[] {
  const { dtype, shape } = required(context, 0)
  const wanted = knownInts(context, 2)
  if (wanted) return [{ dtype, shape: wanted }]
  if (context.inputs[2]) return [{ dtype, shape: freshShape(context, lengthOf(context, 2, 'output_shape')) }]
  return [{ dtype, shape: [...shape.slice(0, 2), ...unpooledPlane(context.node.attributes, shape.slice(2))] }]
}

function unpooledPlane(attributes: Node['attributes'], spatial: TensorType['shape']) {
  const kernel = intsAttribute(attributes, 'kernel_shape')!
  const { strides, padBegin, padEnd } = windowOf(attributes, kernel, spatial)
  return spatial.map((dim, axis) => {
    const slack = kernel[axis] - padBegin[axis] - padEnd[axis]
    return typeof dim === 'number' ? (dim - 1) * strides[axis] + slack : `${strides[axis]} * (${dim} - 1) + ${slack}`
  })
}

/** The sliding window of a Col2Im over the image. */
function columnWindow(attributes: Node['attributes'], image: readonly number[], block: readonly number[]) {
  return windowOf({ ...attributes, auto_pad: 'NOTSET' }, block, image)
}

/** Windows written in convolutions and scatters. */
export const windowComposites = {
  /** (Σ|x|^p)^(1/p) over each window; padding counts as 0. */
  LpPool: {
    since: 18,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      ...windowAttributes,
      ceil_mode: { type: 'int', default: 0 },
      kernel_shape: { type: 'ints', required: true },
      p: power,
    },
    infer: (context) => {
      const { dtype, shape } = requireFloat(required(context, 0))
      const [batch, channels, ...spatial] = shape
      if (spatial.length === 0)
        throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …spatial], got ${formatShape(shape)}`)
      const kernel = intsAttribute(context.attributes, 'kernel_shape')!
      return [{ dtype, shape: [batch, channels, ...windowOutput(context.attributes, kernel, spatial)] }]
    },
    decompose: (emit, node) => {
      const x = node.inputs[0]!
      const [batch, channels, ...spatial] = inputShape(node)
      const kernel = intsAttribute(node.attributes, 'kernel_shape')!
      const p = intAttribute(node.attributes, 'p')
      const window = windowOf(node.attributes, kernel, spatial)
      const output = concrete(windowOutput(node.attributes, kernel, spatial))
      // A window that overhangs in ceil mode sees zeros behind the end.
      const padEnd = spatial.map((dim, axis) => {
        const reach = (output[axis] - 1) * window.strides[axis] + (kernel[axis] - 1) * window.dilations[axis] + 1
        return Math.max(0, reach - dim - window.padBegin[axis])
      })
      const planes = emit.reshape(x, [batch * channels, 1, ...spatial])
      const powers = p === 2 ? emit.square(planes) : p === 1 ? emit.abs(planes) : emit.pow(emit.abs(planes), p)
      const ones = emit.constant(new Tensor(x.dtype, new Array<number>(sizeOf(kernel)).fill(1), [1, 1, ...kernel]))
      const sums = emit.op('Conv', [powers, ones], windowToAttributes({ ...window, padEnd }))
      const result = emit.reshape(sums, [batch, channels, ...output])
      return [p === 1 ? result : p === 2 ? emit.sqrt(result) : emit.pow(result, 1 / p)]
    },
  },

  /** (Σ|x|^p)^(1/p) over each plane. */
  GlobalLpPool: {
    since: 2,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { p: power },
    infer: (context) => {
      const { dtype, shape } = requireFloat(required(context, 0))
      if (shape.length < 3)
        throw new LanewiseError('SHAPE_MISMATCH', `takes [N, C, …spatial], got ${formatShape(shape)}`)
      return [{ dtype, shape: shape.map((dim, axis) => (axis < 2 ? dim : 1)) }]
    },
    decompose: (emit, { inputs: [x], attributes }) => {
      const axes = axesFrom(2, x!.shape.length)
      const p = intAttribute(attributes, 'p')
      if (p === 1 || p === 2) return [emit.reduce(p === 1 ? 'ReduceL1' : 'ReduceL2', x!, axes, true)]
      return [emit.pow(emit.sum(emit.pow(emit.abs(x!), p), axes, true), 1 / p)]
    },
  },

  /** x, indices into the flattened output (as MaxPool gives them), output_shape? -> x at its places, 0 elsewhere. */
  MaxUnpool: {
    since: 11,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { kernel_shape: { type: 'ints', required: true }, pads: { type: 'ints' }, strides: { type: 'ints' } },
    infer: unpooledShape,
    decompose: (emit, node) => {
      const [x, indices, wanted] = node.inputs
      const shape = inputShape(node)
      const plane = unpooledPlane(node.attributes, shape.slice(2)) as number[]
      const given = wanted && emit.constantOf(wanted)?.toNumbers()
      if (wanted && !given)
        throw new LanewiseError('SHAPE_MISMATCH', `the output_shape of '${node.name}' must be known while compiling`)
      const own = [shape[0], shape[1], ...plane]
      const target = given ?? own
      // Indices count in the shape that the window alone gives; a larger output_shape only moves them.
      const widths = target.map((dim, axis) => dim - own[axis])
      const flat = emit.op('lanewise.GatherGradient', [emit.reshape(x!, [-1]), emit.reshape(indices!, [-1])], {
        axis: 0,
        input_shape: [sizeOf(own)],
      })
      const unpooled = emit.reshape(flat, own)
      if (widths.every((width) => width === 0)) return [unpooled]
      const pads = [...target.map(() => 0), ...widths]
      return [emit.op('Pad', [unpooled, emit.ints(pads)])]
    },
  },

  /** x [N, C |block|, L], image shape, block shape -> [N, C, …image]: blocks added where they overlap. */
  Col2Im: {
    since: 18,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { dilations: { type: 'ints' }, pads: { type: 'ints' }, strides: { type: 'ints' } },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const image = knownInts(context, 1)
      const block = knownInts(context, 2)
      if (!image || !block)
        return [{ dtype, shape: [shape[0], ...freshShape(context, lengthOf(context, 1, 'image_shape') + 2).slice(1)] }]
      const channels = shape[1]
      const size = sizeOf(block)
      if (shape.length !== 3 || (typeof channels === 'number' && channels % size !== 0))
        throw new LanewiseError(
          'SHAPE_MISMATCH',
          `${formatShape(shape)} does not hold blocks of ${formatShape(block)} elements: it must be [N, C * ${size}, L]`,
        )
      return [
        {
          dtype,
          shape: [shape[0], typeof channels === 'number' ? channels / size : `${channels} / ${size}`, ...image],
        },
      ]
    },
    decompose: (emit, node) => {
      const [x, imageShape, blockShape] = node.inputs
      const [image, block] = [imageShape, blockShape].map((value) => emit.constantOf(value!)?.toNumbers())
      if (!image || !block)
        throw new LanewiseError('SHAPE_MISMATCH', `the shapes that '${node.name}' takes must be known while compiling`)
      const [batch, rows, columns] = inputShape(node)
      const size = sizeOf(block)
      const channels = rows / size
      const window = columnWindow(node.attributes, image, block)
      const attributes = windowToAttributes(window)
      const places = concrete(windowOutput(attributes, block, image))
      if (sizeOf(places) !== columns)
        throw new LanewiseError('SHAPE_MISMATCH', `the image has ${sizeOf(places)} blocks, the input ${columns}`)
      const identity = new Float64Array(rows * size)
      for (let row = 0; row < rows; row++) identity[row * size + (row % size)] = 1
      const weight = emit.constant(new Tensor(x!.dtype, Array.from(identity), [rows, 1, ...block]))
      return [
        emit.op('lanewise.ConvInputGradient', [emit.reshape(x!, [batch, rows, ...places]), weight], {
          ...attributes,
          group: channels,
          input_shape: [batch, channels, ...image],
        }),
      ]
    },
  },
} as const satisfies Record<string, OpDefinition>
