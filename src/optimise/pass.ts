import type { Graph, Node } from '../core/ir.js'
import { Rewriter } from '../graph/rewrite.js'

/** One rewrite of a graph: the same results, under the same output names. */
export interface Pass {
  readonly name: string
  run(graph: Graph): Graph
}

/** A pass that looks at one node after the other; `rewrite` answers whether it has replaced the node. */
export const nodeByNode = (name: string, rewrite: (rewriter: Rewriter, node: Node) => boolean): Pass => ({
  name,
  run(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) if (!rewrite(rewriter, node)) rewriter.keep(node)
    return rewriter.finish()
  },
})
