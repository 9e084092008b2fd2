import type { Node } from '../core/ir.js'
import { isConcrete } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { withDefaults } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import type { Accelerates } from './expand-composites.js'
import { nodeByNode } from './pass.js'

/** Whether the windows of a max-pool over images, or of its gradient, lie side by side, without padding. */
export function isSideBySide({ attributes }: Node): boolean {
  const { kernel_shape, strides = [], pads = [], dilations = [], ceil_mode } = attributes as Record<string, number[]>
  return (
    kernel_shape.length === 2 &&
    kernel_shape.every((size, axis) => size === (strides[axis] ?? 1)) &&
    pads.every((pad) => pad === 0) &&
    dilations.every((dilation) => dilation === 1) &&
    !ceil_mode &&
    ['NOTSET', 'VALID', undefined].includes(attributes['auto_pad'] as string | undefined)
  )
}

const fused = 'lanewise.MaxPooledConvNhwc'
const gradient = 'lanewise.PooledConvWeightGradientNhwc'

/**
 * A convolution and the max-pool that alone reads its result become one op; the gradient by the weights may read it, too, and
 * is given the places of the maxima instead.
 */
export const fusePooledConv = (accelerates: Accelerates) =>
  nodeByNode(
    'fuse pooled convolutions',
    (rewriter, node) => fusePool(rewriter, node, accelerates) || givePlaces(rewriter, node),
  )

function fusePool(rewriter: Rewriter, node: Node, accelerates: Accelerates): boolean {
  const [a] = node.inputs
  const [y] = node.outputs
  const conv = rewriter.producer(a)
  if (node.op !== 'lanewise.MaxPoolNhwc' || conv?.op !== 'lanewise.ConvNhwc' || !isSideBySide(node)) return false
  const readers = rewriter.users.get(a!)!.filter((user) => user !== node)
  const isGradient = ({ op, inputs }: Node) => op === gradient && inputs[2] === a && inputs[3] === y
  if (rewriter.leaves(a!) || !readers.every(isGradient) || !isConcrete(a!.shape)) return false
  const attributes = { ...conv.attributes, pool_shape: node.attributes['kernel_shape'] }
  const whole: Node = {
    ...node,
    op: fused,
    inputs: conv.inputs,
    attributes: withDefaults(definitionOf(fused), attributes),
  }
  if (!accelerates(whole, rewriter.constantOf)) return false
  if (readers.length === 0) rewriter.write(fused, conv.inputs, attributes, node.outputs)
  else rewriter.replace(y, rewriter.write(fused, conv.inputs, attributes, y.name, 2)[0])
  return true
}

function givePlaces(rewriter: Rewriter, node: Node): boolean {
  const pool = rewriter.producer(node.inputs[3])
  if (node.op !== gradient || pool?.op !== fused) return false
  const inputs = [node.inputs[0], node.inputs[1], pool.outputs[1]]
  rewriter.write('lanewise.MaxPooledConvWeightGradientNhwc', inputs, node.attributes, node.outputs)
  return true
}
