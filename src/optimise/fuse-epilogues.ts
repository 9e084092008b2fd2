import type { Node } from '../core/ir.js'
import type { Rewriter } from '../graph/rewrite.js'
import { definitionOf, traitsOf } from '../ops/index.js'
import { nodeByNode } from './pass.js'

const isActivation = (op: string): boolean => traitsOf(op).activation !== undefined

/** An activation of a result that only it reads is applied by the op that writes the result. */
export const fuseEpilogues = nodeByNode('fuse epilogues', isActivation, (rewriter, node) => {
  const { activation, activationAttributes = {} } = traitsOf(node.op)
  const input = node.inputs[0]
  const producer = rewriter.producer(input)
  if (!input || !producer || !traitsOf(producer.op).epilogue) return false
  if (producer.attributes['activation'] || rewriter.onlyUser(input) !== node) return false
  if (Object.entries(activationAttributes).some(([name, value]) => node.attributes[name] !== value)) return false
  const parameters = parametersOf(rewriter, node)
  if (!parameters) return false
  const [activation_alpha, activation_beta] = parameters
  const attributes = { ...producer.attributes, activation, activation_alpha, activation_beta }
  rewriter.write(producer.op, producer.inputs, attributes, node.outputs)
  return true
})

/** The two parameters of an activation; undefined if one is an input that is not known. */
function parametersOf(rewriter: Rewriter, node: Node): readonly [number, number] | undefined {
  if (definitionOf(node.op).inputs[1] === 1) {
    const { alpha, beta, gamma } = node.attributes
    return [(alpha ?? 0) as number, (beta ?? gamma ?? 0) as number]
  }
  const bounds = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const
  const [low, high] = bounds.map((open, index) => {
    const input = node.inputs[index + 1]
    return input ? rewriter.constantOf(input)?.toNumbers()[0] : open
  })
  return low === undefined || high === undefined ? undefined : [low, high]
}
