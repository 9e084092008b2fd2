import type { Node, Value } from '../core/ir.js'
import { inversePermutation, isConcrete, permute } from '../core/shape.js'
import type { OperandLayout } from '../ops/definition.js'
import { traitsOf } from '../ops/index.js'
import { channelsLastAttributes, toChannelsLast, weightToChannelsLast } from '../ops/window.js'
import { nodeByNode } from './pass.js'

const axes = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis)

/** The permutation that takes an operand to its channels-last order. */
const permutationOf = (layout: OperandLayout, rank: number): number[] =>
  layout === 'data' ? toChannelsLast(axes(rank)) : weightToChannelsLast(axes(rank))

/** Padding by SAME depends on the size of the spatial axes; it cannot be made explicit before they are bound. */
const hasOpenPadding = (node: Node): boolean =>
  String(node.attributes['auto_pad'] ?? '').startsWith('SAME') &&
  node.inputs.some((input) => input && !isConcrete(input.shape.slice(2)))

/** The twin of `node` on operands in its layout, which no node writes: to ask a backend for; undefined without a twin. */
export function twinOf(node: Node): Node | undefined {
  const twin = traitsOf(node.op).channelsLast
  if (!twin || hasOpenPadding(node)) return undefined
  const moved = (value: Value, layout: OperandLayout): Value =>
    layout ? { ...value, shape: permute(value.shape, permutationOf(layout, value.shape.length)) } : value
  return {
    ...node,
    op: twin.op,
    inputs: node.inputs.map((input, index) => input && moved(input, twin.inputs[index])),
    outputs: node.outputs.map((output, index) => moved(output, twin.outputs[index])),
    attributes: channelsLastAttributes(node),
  }
}

const hasTwin = (op: string): boolean => traitsOf(op).channelsLast !== undefined

/** Each op with a channels-last twin becomes the twin, between transposes. */
export const channelsLast = nodeByNode('channels last', hasTwin, (rewriter, node) => {
  const twin = traitsOf(node.op).channelsLast!
  if (hasOpenPadding(node)) return false
  const used = node.outputs.map((output) => rewriter.users.has(output) || rewriter.leaves(output))
  if (used.some((isUsed, index) => isUsed && index >= twin.outputs.length)) return false
  const inputs = node.inputs.map((input: Value | undefined, index) => {
    const layout = twin.inputs[index]
    if (!input || !layout) return input
    const perm = permutationOf(layout, input.shape.length)
    return rewriter.write('Transpose', [input], { perm }, `${input.name}/channels_last`)[0]
  })
  const results = rewriter.write(twin.op, inputs, channelsLastAttributes(rewriter.resolved(node)), node.name)
  twin.outputs.forEach((layout, index) => {
    const output = node.outputs[index]
    if (layout) {
      const perm = inversePermutation(permutationOf(layout, output.shape.length))
      rewriter.write('Transpose', [results[index]], { perm }, [output])
    } else rewriter.replace(output, results[index])
  })
  return true
})
