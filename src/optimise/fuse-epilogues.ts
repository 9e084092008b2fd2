import { traitsOf } from '../ops/index.js'
import { nodeByNode } from './pass.js'

/** An activation of a result that only it reads is applied by the op that writes the result. */
export const fuseEpilogues = nodeByNode('fuse epilogues', (rewriter, node) => {
  const { activation } = traitsOf(node.op)
  const [input] = node.inputs
  const producer = rewriter.producer(input)
  if (!activation || !input || !producer || !traitsOf(producer.op).epilogue) return false
  if (producer.attributes['activation'] || rewriter.onlyUser(input) !== node) return false
  const { alpha, beta, gamma } = node.attributes
  const attributes = {
    ...producer.attributes,
    activation,
    activation_alpha: alpha ?? 0,
    activation_beta: beta ?? gamma ?? 0,
  }
  rewriter.write(producer.op, producer.inputs, attributes, node.outputs)
  return true
})
