import { convAttributes } from './conv.js'
import { inferFromAttribute, weightShape } from './conv-gradients.js'
import type { OpDefinition } from './definition.js'

/** Convolutions together with the max-pool behind them, whose windows of `pool_shape` lie side by side. */
export const pooledConv = {
  /** x [N, …, C], dy [N, …, O] of the pool's output, the convolution's output a and the pool's y -> dw of shape weight_shape. */
  'lanewise.PooledConvWeightGradientNhwc': {
    since: 1,
    inputs: [4, 4],
    outputs: [1, 1],
    attributes: { ...convAttributes, ...weightShape, pool_shape: { type: 'ints', required: true } },
    infer: inferFromAttribute('weight_shape'),
    gradientUnknown: true,
    decompose: (emit, { inputs: [x, dy, a, y], attributes: { pool_shape, ...attributes } }) => {
      const pool = { kernel_shape: pool_shape, strides: pool_shape }
      const routed = emit.op('lanewise.MaxPoolGradientNhwc', [dy, a, y], pool)
      return [emit.op('lanewise.ConvWeightGradientNhwc', [x, routed], attributes)]
    },
  },
} as const satisfies Record<string, OpDefinition>
