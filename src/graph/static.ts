import type { Graph, Node, Value } from '../core/ir.js'
import { isConcrete } from '../core/shape.js'
import { isProgramOp } from '../ops/index.js'

/** Whether backend memory can hold `value`: one tensor of a known shape, of numbers. */
export const isPlaceable = ({ dtype, shape, container }: Value): boolean =>
  !container && dtype !== 'string' && isConcrete(shape)

/** Whether a node never is part of a plan: it holds subgraphs, or works on sequences, optionals or strings. */
export const isHostNode = (node: Node): boolean =>
  isProgramOp(node.op) ||
  [...node.inputs, ...node.outputs].some((value) => value?.container || value?.dtype === 'string')

/** Whether one plan can run the whole graph. */
export const isStatic = (graph: Graph): boolean =>
  graph.inputs.every(isPlaceable) &&
  graph.nodes.every((node) => !isHostNode(node) && node.outputs.every(isPlaceable)) &&
  graph.outputs.every(isPlaceable)
