import { isConcrete, sameShape } from '../core/shape.js'
import { intsAttribute } from '../ops/definition.js'
import type { Accelerates } from './expand-composites.js'
import { nodeByNode } from './pass.js'

const channelsFirst: Readonly<Record<string, string>> = {
  'lanewise.AveragePoolNhwc': 'GlobalAveragePool',
  'lanewise.MaxPoolNhwc': 'GlobalMaxPool',
}

/** Whether `perm` moves the channels behind the spatial axes. */
const movesChannels = (perm: readonly number[]): boolean =>
  perm.every((from, axis) => from === (axis === 0 ? 0 : axis === perm.length - 1 ? 1 : axis + 1))

/** A pool of whole planes reads them as they lie, instead of a transposed copy. */
export const restoreGlobalPools = (accelerates: Accelerates) =>
  nodeByNode('restore global pools', (rewriter, node) => {
    const op = channelsFirst[node.op]
    const transpose = op && rewriter.producer(node.inputs[0])
    if (!transpose || transpose.op !== 'Transpose' || !movesChannels(intsAttribute(transpose.attributes, 'perm')!))
      return false
    const [{ shape }] = node.outputs
    const { kernel_shape, pads } = node.attributes as Record<string, readonly number[] | undefined>
    if (
      !isConcrete(shape) ||
      !sameShape(kernel_shape!, node.inputs[0]!.shape.slice(1, -1)) ||
      pads?.some((pad) => pad !== 0)
    )
      return false
    const [x] = transpose.inputs
    const first = [shape[0], shape[shape.length - 1], ...shape.slice(1, -1)]
    const pooled = { ...node, op, inputs: [x], outputs: [{ ...node.outputs[0], shape: first }], attributes: {} }
    if (!accelerates(pooled, rewriter.constantOf)) return false
    const [planes] = rewriter.write(op, [x], {}, `${node.name}/planes`)
    rewriter.write('Reshape', [planes, rewriter.ints(shape, `${node.name}/shape`)], {}, node.outputs)
    return true
  })
