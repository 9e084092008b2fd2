import type { Value } from '../core/ir.js'
import { inputShape, positions, unsqueeze } from './compose.js'
import { convAttributes, convShapeNhwc } from './conv.js'
import { inferFromAttribute, weightShape } from './conv-gradients.js'
import { intsAttribute, type OpDefinition } from './definition.js'
import { poolShape } from './pooled-conv.js'

/** Gradients of convolutions together with their max-pools. */
export const pooledConvGradients = {
  /** x, dy and places of MaxPooledConvNhwc -> dw of shape weight_shape. */
  'lanewise.MaxPooledConvWeightGradientNhwc': {
    since: 1,
    inputs: [3, 3],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...weightShape, ...poolShape },
    infer: inferFromAttribute('weight_shape'),
    gradientUnknown: true,
    decompose: (emit, node) => {
      const [x, dy, places] = node.inputs as [Value, Value, Value]
      const { pool_shape, ...attributes } = node.attributes
      const [poolH, poolW] = pool_shape as readonly number[]
      const [images, rows, columns, outputs] = inputShape(node, 1)
      const [, height, width] = convShapeNhwc(attributes, x.shape, intsAttribute(attributes, 'weight_shape')!)
      const isThere = emit.equal(unsqueeze(emit, places, 4), positions(emit, poolH * poolW, 4, 5, 'int32'))
      const routed = emit.where(isThere, unsqueeze(emit, dy, 4), 0)
      const apart = emit.transpose(
        emit.reshape(routed, [images, rows, columns, outputs, poolH, poolW]),
        [0, 1, 4, 2, 5, 3],
      )
      const plane = emit.reshape(apart, [images, rows * poolH, columns * poolW, outputs])
      const missing = [(height as number) - rows * poolH, (width as number) - columns * poolW]
      const whole = emit.op('Pad', [plane, emit.ints([0, 0, 0, 0, 0, ...missing, 0])])
      return [emit.op('lanewise.ConvWeightGradientNhwc', [x, whole], attributes)]
    },
  },
} as const satisfies Record<string, OpDefinition>
