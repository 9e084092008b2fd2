import { LanewiseError } from '../core/errors.js'
import type { ConstantOf, Node, TensorType } from '../core/ir.js'
import { formatShape } from '../core/shape.js'
import { inferOutputs } from '../ops/inference.js'

/** The node as errors name it: op, name, and the types of its inputs. */
export const describeNode = (node: Pick<Node, 'op' | 'name' | 'inputs'>): string =>
  `${node.op} '${node.name}' (${node.inputs
    .map((input) => (input ? `${input.name}: ${input.dtype} ${formatShape(input.shape)}` : '-'))
    .join(', ')})`

/** What the op's definition says of the node's outputs. Throws LanewiseError, naming the node. */
export function inferTypes(node: Node, constant: ConstantOf): readonly TensorType[] {
  try {
    return inferOutputs(node, node.inputs, (index) => (node.inputs[index] ? constant(node.inputs[index]) : undefined))
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `${describeNode(node)}: ${error.message}`, { cause: error })
  }
}
