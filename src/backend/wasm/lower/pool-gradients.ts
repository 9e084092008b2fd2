import { concrete } from '../../../core/shape.js'
import { average_pool_gradient_f32, max_pool_gradient_f32 } from '../gen/training-pool-gradient.js'
import type { Lowering } from './lowering.js'
import { isPool, windowFields } from './pool-window.js'

export const poolGradientLowerings = {
  'lanewise.MaxPoolGradientNhwc': {
    accelerates: isPool,
    lower(node, { address }) {
      const [dy, x, y] = node.inputs.map((input) => input!)
      const [dx] = node.outputs
      const { fields, gradientTiles } = windowFields(node, concrete(dx.shape), concrete(dy.shape))
      const pointers = { x: address(x), y: address(y), dy: address(dy), dx: address(dx) }
      return [max_pool_gradient_f32({ ...pointers, ...fields }, gradientTiles)]
    },
  },
  'lanewise.AveragePoolGradientNhwc': {
    accelerates: isPool,
    lower(node, { address }) {
      const dy = node.inputs[0]!
      const [dx] = node.outputs
      const { fields, gradientTiles } = windowFields(node, concrete(dx.shape), concrete(dy.shape))
      const pointers = { x: 0, y: 0, dy: address(dy), dx: address(dx) }
      return [average_pool_gradient_f32({ ...pointers, ...fields }, gradientTiles)]
    },
  },
} as const satisfies Record<string, Lowering>
