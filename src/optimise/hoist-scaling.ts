import type { Node, Value } from '../core/ir.js'
import { isConcrete, type Shape, sizeOf } from '../core/shape.js'
import type { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { reducedAxes } from '../ops/reduction.js'
import { nodeByNode } from './pass.js'

/**
 * Work on routed elements (the gradient of max-pooling) moves to before the routing, where there are fewer: a scaling by
 * the numbers that they are routed by, and a sum over the axes that they are routed along.
 */
export const hoistScaling = nodeByNode(
  'hoist scaling',
  (op) => op === 'ReduceSum' || traitsOf(op).scales === true,
  (rewriter, node) => scaleFirst(rewriter, node) || sumFirst(rewriter, node),
)

const isSmaller = (a: Shape, b: Shape): boolean => isConcrete(a) && isConcrete(b) && sizeOf(a) < sizeOf(b)

/** The node that routes the elements of `value`, with its routing. */
function routerOf(rewriter: Rewriter, value: Value) {
  const router = rewriter.producer(value)
  const routes = router && traitsOf(router.op).routes
  return routes && isSmaller(router.inputs[routes.from]!.shape, value.shape) ? { router, routes } : undefined
}

/** scale(route(dy), x) = route(scale(dy, y)), as y is x where the elements arrive. */
function scaleFirst(rewriter: Rewriter, node: Node): boolean {
  const [routed, other] = node.inputs
  if (!traitsOf(node.op).scales || !routed || !other || rewriter.onlyUser(routed) !== node) return false
  const found = routerOf(rewriter, routed)
  if (!found) return false
  const { router, routes } = found
  if (router.inputs[routes.at] !== rewriter.resolve(other)) return false
  const operands = [router.inputs[routes.from], router.inputs[routes.by]]
  const [scaled] = rewriter.write(node.op, operands, node.attributes, `${node.name}/hoisted`)
  const inputs = router.inputs.map((input, index) => (index === routes.from ? scaled : input))
  rewriter.write(router.op, inputs, router.attributes, node.outputs)
  return true
}

/** The sum of routed elements is the sum of the elements. */
function sumFirst(rewriter: Rewriter, node: Node): boolean {
  const [routed, axes] = node.inputs
  const found = node.op === 'ReduceSum' && routed && routerOf(rewriter, routed)
  if (!found || (axes && !rewriter.constantOf(axes))) return false
  const { router, routes } = found
  const rank = routed.shape.length
  const reduced = reducedAxes(rewriter.constantOf(axes)?.toNumbers(), rank, node.attributes)
  if (!routes.isComplete(router.attributes) || !routes.axes(rank).every((axis) => reduced.includes(axis))) return false
  rewriter.write(node.op, [router.inputs[routes.from], axes], node.attributes, node.outputs)
  return true
}
