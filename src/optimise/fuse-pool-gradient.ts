import type { Attributes, Node } from '../core/ir.js'
import { isConcrete } from '../core/shape.js'
import { withDefaults } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import type { Accelerates } from './expand-composites.js'
import { isSideBySide } from './fuse-pooled-conv.js'
import { nodeByNode } from './pass.js'

/**
 * The gradient by the weights of a convolution, where a max-pool is all that reads its output and nothing but the weights asks
 * for the gradient, is made from the pool's gradient, most of whose elements would be zeros on the way.
 */
export const fusePoolGradient = (accelerates: Accelerates) =>
  nodeByNode('fuse pool gradient', (rewriter, node) => {
    if (node.op !== 'lanewise.ConvWeightGradientNhwc') return false
    const routed = node.inputs[1]!
    const pool = rewriter.producer(routed)
    if (pool?.op !== 'lanewise.MaxPoolGradientNhwc' || rewriter.onlyUser(routed) !== node) return false
    if (!isSideBySide(pool) || !isConcrete(routed.shape)) return false
    const op = 'lanewise.PooledConvWeightGradientNhwc'
    const attributes: Attributes = { ...node.attributes, pool_shape: pool.attributes['kernel_shape'] }
    const inputs = [rewriter.resolve(node.inputs[0]!), ...pool.inputs]
    const fused: Node = { ...node, op, inputs, attributes: withDefaults(definitionOf(op), attributes) }
    if (!accelerates(fused, rewriter.constantOf)) return false
    rewriter.write(op, inputs, attributes, node.outputs)
    return true
  })
