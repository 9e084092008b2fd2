import type { Node, Value } from '../core/ir.js'
import { inversePermutation, isConcrete, permute, sameShape, sizeOf } from '../core/shape.js'
import { intsAttribute } from '../ops/definition.js'
import { toChannelsLast } from '../ops/window.js'
import type { Accelerates } from './expand-composites.js'
import { isOneOf, nodeByNode } from './pass.js'
import { identity } from './permutation.js'

/** The channels-first ops that a pool stands for: of windows, and of whole planes. */
const channelsFirst: Readonly<Record<string, { readonly windows: string; readonly whole: string }>> = {
  'lanewise.AveragePoolNhwc': { windows: 'AveragePool', whole: 'GlobalAveragePool' },
  'lanewise.MaxPoolNhwc': { windows: 'MaxPool', whole: 'GlobalMaxPool' },
}

const permutations = (rank: number) => {
  const last = toChannelsLast(identity(rank))
  return { last, first: inversePermutation(last) }
}

const isTranspose = (node: Node | undefined, perm: readonly number[]): node is Node =>
  node?.op === 'Transpose' && sameShape(intsAttribute(node.attributes, 'perm') ?? [], perm)

/** Whether the windows of a channels-last pool are whole planes. */
const isWhole = ({ inputs: [x], attributes }: Node): boolean =>
  sameShape(intsAttribute(attributes, 'kernel_shape')!, x!.shape.slice(1, -1)) &&
  (intsAttribute(attributes, 'pads') ?? []).every((pad) => pad === 0)

/**
 * A pool reads planes as they lie, instead of a transposed copy, where that moves fewer elements; the transpose behind it
 * is left to `cancelTransposes`.
 */
export const restorePlanes = (accelerates: Accelerates) =>
  nodeByNode('restore planes', isOneOf(...Object.keys(channelsFirst)), (rewriter, node) => {
    const op = channelsFirst[node.op]
    const y = node.outputs[0]
    if (!isConcrete(y.shape)) return false
    const { last, first } = permutations(y.shape.length)
    const pixels = node.inputs[0]!
    const transpose = rewriter.producer(pixels)
    if (!isTranspose(transpose, last)) return false
    const [x] = transpose.inputs as [Value]
    const planes = { ...y, shape: permute(y.shape, first) }
    const takes = (name: string, attributes: Node['attributes']): boolean =>
      accelerates({ ...node, op: name, inputs: [x], outputs: [planes], attributes }, rewriter.constantOf)
    if (isWhole(node) && takes(op.whole, {})) {
      const [pooled] = rewriter.write(op.whole, [x], {}, `${node.name}/planes`)
      rewriter.write('Reshape', [pooled, rewriter.ints(y.shape, `${node.name}/shape`)], { allowzero: 1 }, node.outputs)
      return true
    }
    const isForPools = !rewriter.leaves(pixels) && rewriter.users.get(pixels)!.every((user) => user.op in channelsFirst)
    if (!isForPools || !takes(op.windows, node.attributes)) return false
    const isSmaller = isConcrete(x.shape) && sizeOf(y.shape) < sizeOf(x.shape)
    if (!isSmaller && !isTranspose(rewriter.onlyUser(y), first)) return false
    const [pooled] = rewriter.write(op.windows, [x], node.attributes, `${node.name}/planes`)
    rewriter.write('Transpose', [pooled], { perm: last }, node.outputs)
    return true
  })
