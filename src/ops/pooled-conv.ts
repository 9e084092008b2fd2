import type { Value } from '../core/ir.js'
import type { Dim } from '../core/shape.js'
import { inputShape, slice } from './compose.js'
import { checkBias, convAttributes, convShapeNhwc, epilogue, operandsOf } from './conv.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'

/** Height and width of a max-pool's windows, which lie side by side. */
export const poolShape = { pool_shape: { type: 'ints', required: true } } as const satisfies Record<
  string,
  AttributeSchema
>

function infer(context: InferenceContext) {
  const { data, weight, bias, dtype } = operandsOf(context)
  const pool = intsAttribute(context.attributes, 'pool_shape')!
  const shape = convShapeNhwc(context.attributes, data.shape, weight.shape).map((dim, axis): Dim => {
    const size = pool[axis - 1] ?? 1
    if (size === 1) return dim
    return typeof dim === 'number' ? Math.floor(dim / size) : `floor(${dim} / ${size})`
  })
  checkBias(bias, shape[shape.length - 1])
  return [
    { dtype, shape },
    { dtype: 'int32', shape },
  ] as const
}

/** The index of the first maximum of each window of x [N, H, W, C], in row-major order. */
function placesOf(emit: Emitter, x: Value, [poolH, poolW]: readonly number[]): Value {
  const [images, height, width, channels] = inputShape({ inputs: [x], name: x.name })
  const [rows, columns] = [Math.floor(height / poolH), Math.floor(width / poolW)]
  const covered = slice(emit, slice(emit, x, 1, 0, rows * poolH), 2, 0, columns * poolW)
  const apart = emit.reshape(covered, [images, rows, poolH, columns, poolW, channels])
  const windows = emit.reshape(emit.transpose(apart, [0, 1, 3, 5, 2, 4]), [
    images,
    rows,
    columns,
    channels,
    poolH * poolW,
  ])
  return emit.cast(emit.op('ArgMax', [windows], { axis: 4, keepdims: 0 }), 'int32')
}

/** A convolution together with the max-pool behind it. */
export const pooledConv = {
  /** x, w, bias? of ConvNhwc -> y: its result after a max-pool by windows of pool_shape side by side; places (int32): the first maximum of each. */
  'lanewise.MaxPooledConvNhwc': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 2],
    attributes: { ...convAttributes, ...epilogue, ...poolShape },
    infer,
    gradientUnknown: true,
    decompose: (emit, { inputs, outputs, attributes: { pool_shape, ...attributes } }) => {
      const pool = pool_shape as readonly number[]
      const a = emit.op('lanewise.ConvNhwc', inputs, attributes)
      const y = emit.op('lanewise.MaxPoolNhwc', [a], { kernel_shape: pool, strides: pool })
      return outputs.length > 1 ? [y, placesOf(emit, a, pool)] : [y]
    },
  },
} as const satisfies Record<string, OpDefinition>
