import { sameType } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { nodeByNode } from './pass.js'

const isView = (op: string): boolean => traitsOf(op).view === true

/** A view of the same type as its source is its source. */
export const removeIdentities = nodeByNode('remove identities', isView, (rewriter, node) => {
  const input = node.inputs[0]
  if (!input || node.outputs.length !== 1) return false
  if (!sameType(rewriter.resolve(input), node.outputs[0])) return false
  rewriter.replace(node.outputs[0], input)
  return true
})
