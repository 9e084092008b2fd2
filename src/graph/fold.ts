import { bytesPerElement, type DType } from '../core/dtype.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { isConcrete, sizeOf } from '../core/shape.js'
import { subgraphsOf } from '../core/subgraph.js'
import { Tensor } from '../core/tensor.js'
import { isLoaded, isProgramOp, traitsOf } from '../ops/index.js'
import { permutationOf } from '../ops/movement.js'
import { inferTypes } from './infer.js'
import type { Rewriter } from './rewrite.js'

/** Runs one node on host tensors: outputs in the node's order; undefined leaves the node as it is. */
export type Evaluate = (node: Node, inputs: readonly (Tensor | undefined)[]) => readonly Tensor[] | undefined

/** By how much folding may grow the constants of a node, in bytes. */
const growthLimit = 64 * 1024

const bytesOf = (types: readonly TensorType[]): number =>
  types.reduce((sum, { dtype, shape }) => sum + (isConcrete(shape) ? heldBytes(dtype) * sizeOf(shape) : 0), 0)

/** Strings count as their references. */
const heldBytes = (dtype: DType): number => (dtype === 'string' ? 8 : bytesPerElement(dtype))

/**
 * What `node` computes, if its operands are known; then one tensor for each output. Random ops, ops that are declared only, ops
 * with subgraphs, and results much larger than the operands are left alone; then the answer is undefined. Codes are decoded, by
 * whatever they grow, where `decode` is set, and left alone where it is not. A transpose moves nothing before its elements are asked for.
 */
export function knownResults(
  node: Node,
  constantOf: (value: Value) => Tensor | undefined,
  evaluate: Evaluate,
  decode = false,
): readonly Tensor[] | undefined {
  const { random, shapeOnly, decodes = false } = traitsOf(node.op)
  if (random || (decodes && !decode) || !isLoaded(node.op)) return undefined
  const inputs: (Tensor | undefined)[] = []
  for (const input of node.inputs) {
    const isSized = input && shapeOnly && isConcrete(input.shape)
    const known = input && (isSized ? Tensor.hollow(input.dtype, input.shape) : constantOf(input))
    if (input && !known) return undefined
    inputs.push(known)
  }
  if (!isPlain(node)) return undefined
  const operands = node.inputs.filter((input) => input !== undefined)
  if (!decodes && bytesOf(inferTypes(node, constantOf)) > bytesOf(operands) + growthLimit) return undefined
  const source = inputs[0]
  if (node.op === 'Transpose' && source) {
    const copy = () => evaluate(node, inputs)![0].data
    return [Tensor.transposed(source, permutationOf(node, source.dims.length), copy)]
  }
  return evaluate(node, inputs)
}

/** Replaces the results of `node` by constants where `knownResults` has them; else the answer is false. */
export function fold(rewriter: Rewriter, node: Node, evaluate: Evaluate, decode = false): boolean {
  const tensors = knownResults(rewriter.resolved(node), rewriter.constantOf, evaluate, decode)
  if (!tensors) return false
  node.outputs.forEach((output, index) => {
    rewriter.replace(output, rewriter.constant(tensors[index], output.name))
  })
  return true
}

/** Whether a node works on tensors alone: it holds no subgraph, takes and gives no container. */
const isPlain = (node: Node): boolean =>
  !isProgramOp(node.op) &&
  subgraphsOf(node).length === 0 &&
  [...node.inputs, ...node.outputs].every((value) => !value?.container)
