import type { Graph, Node } from '../core/ir.js'
import { Rewriter } from '../graph/rewrite.js'

/** One rewrite of a graph: the same results, under the same output names. */
export interface Pass {
  readonly name: string
  /** Whether a node of `graph` gives the pass something to do: without one, there is nothing to run. All do unless told. */
  concerns?(node: Node, graph: Graph): boolean
  run(graph: Graph): Graph
}

/** What the pass makes of `graph`: itself where no node concerns it. */
export const applied = (pass: Pass, graph: Graph): Graph =>
  pass.concerns && !graph.nodes.some((node) => pass.concerns!(node, graph)) ? graph : pass.run(graph)

/**
 * A pass that looks at one node of the ops in question after the other; `rewrite` answers whether it has replaced the node.
 */
export const nodeByNode = (
  name: string,
  concerns: (op: string) => boolean,
  rewrite: (rewriter: Rewriter, node: Node) => boolean,
): Pass => ({
  name,
  concerns: ({ op }) => concerns(op),
  run(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) if (!concerns(node.op) || !rewrite(rewriter, node)) rewriter.keep(node)
    return rewriter.finish()
  },
})

/** Whether an op is one of `ops`. */
export const isOneOf =
  (...ops: readonly string[]) =>
  (op: string): boolean =>
    ops.includes(op)
