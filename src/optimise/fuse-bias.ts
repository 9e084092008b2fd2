import type { Node, Value } from '../core/ir.js'
import { sameShape } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { rowBias } from './fuse-matmul.js'
import { isOneOf, nodeByNode } from './pass.js'

/** An Add along the last axis of a result that only it reads becomes the bias of the op that writes the result. */
export const fuseBias = nodeByNode('fuse biases', isOneOf('Add'), (rewriter, node) => {
  const [a, b] = node.inputs as readonly [Value, Value]
  return fuse(rewriter, node, a, b) || fuse(rewriter, node, b, a)
})

function fuse(rewriter: Rewriter, add: Node, product: Value, addend: Value): boolean {
  const producer = rewriter.producer(product)
  const index = producer && traitsOf(producer.op).bias
  if (!producer || index === undefined || rewriter.onlyUser(product) !== add) return false
  if (producer.inputs[index] || producer.attributes['activation']) return false
  const columns = product.shape.at(-1)
  if (typeof columns !== 'number' || !sameShape(product.shape, add.outputs[0].shape)) return false
  const bias = rowBias(rewriter, addend, columns)
  if (!bias) return false
  const inputs = Array.from({ length: Math.max(producer.inputs.length, index + 1) }, (_, at) =>
    at === index ? bias : producer.inputs[at],
  )
  rewriter.write(producer.op, inputs, producer.attributes, add.outputs)
  return true
}
