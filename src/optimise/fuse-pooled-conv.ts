import type { Attributes, Node } from '../core/ir.js'
import { isConcrete } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { withDefaults } from '../ops/definition.js'
import { definitionOf } from '../ops/index.js'
import type { Accelerates } from './expand-composites.js'
import { isOneOf, nodeByNode } from './pass.js'

/** Whether the windows of a max-pool over images lie side by side, without padding. */
function isSideBySide({ attributes }: Node): boolean {
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

const whole = 'lanewise.MaxPooledConvNhwc'
const wholeGradient = 'lanewise.MaxPooledConvWeightGradientNhwc'

/**
 * A convolution and the max-pool that alone reads its result become one op. The pool's gradient may read it, too, where nothing but
 * the gradient by the weights asks for that: this is then made from the places of the maxima.
 */
export const fusePooledConv = (accelerates: Accelerates) =>
  nodeByNode(
    'fuse pooled convolutions',
    isOneOf('lanewise.MaxPoolNhwc', 'lanewise.ConvWeightGradientNhwc'),
    (rewriter, node) => fuseForward(rewriter, node, accelerates) || fuseGradient(rewriter, node),
  )

const asked = (node: Node, op: string, attributes: Attributes, inputs: Node['inputs']): Node => ({
  ...node,
  op,
  inputs,
  attributes: withDefaults(definitionOf(op), attributes),
})

function fuseForward(rewriter: Rewriter, node: Node, accelerates: Accelerates): boolean {
  const a = node.inputs[0]
  const y = node.outputs[0]
  const conv = rewriter.producer(a)
  if (node.op !== 'lanewise.MaxPoolNhwc' || conv?.op !== 'lanewise.ConvNhwc' || !isSideBySide(node)) return false
  if (rewriter.leaves(a!) || !isConcrete(a!.shape)) return false
  const { kernel_shape: pool_shape } = node.attributes
  const isFused = (candidate: Node | undefined, gradient: Node): boolean =>
    candidate?.op === 'lanewise.ConvWeightGradientNhwc' &&
    accelerates(
      asked(candidate, wholeGradient, { ...candidate.attributes, pool_shape }, [
        candidate.inputs[0],
        gradient.inputs[0],
        y,
      ]),
      rewriter.constantOf,
    )
  const gradients = rewriter.users.get(a!)!.filter((user) => user !== node)
  for (const gradient of gradients) {
    const { op, inputs, outputs } = gradient
    if (op !== 'lanewise.MaxPoolGradientNhwc' || inputs[1] !== a || inputs[2] !== y) return false
    if (!isFused(rewriter.onlyUser(outputs[0]), gradient)) return false
  }
  const attributes = { ...conv.attributes, pool_shape }
  if (!accelerates(asked(node, whole, attributes, conv.inputs), rewriter.constantOf)) return false
  if (gradients.length === 0) rewriter.write(whole, conv.inputs, attributes, node.outputs)
  else rewriter.replace(y, rewriter.write(whole, conv.inputs, attributes, y.name, 2)[0])
  return true
}

function fuseGradient(rewriter: Rewriter, node: Node): boolean {
  if (node.op !== 'lanewise.ConvWeightGradientNhwc') return false
  const gradient = rewriter.producer(node.inputs[1])
  if (gradient?.op !== 'lanewise.MaxPoolGradientNhwc') return false
  const pool = rewriter.producer(gradient.inputs[2])
  if (pool?.op !== whole || pool.outputs.length < 2) return false
  const attributes = { ...node.attributes, pool_shape: pool.attributes['pool_shape'] }
  rewriter.write(wholeGradient, [node.inputs[0], gradient.inputs[0], pool.outputs[1]], attributes, node.outputs)
  return true
}
