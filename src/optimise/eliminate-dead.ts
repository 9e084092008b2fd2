import { Rewriter } from '../graph/rewrite.js'
import type { Pass } from './pass.js'

/** Drops nodes, constants and variables that no output and no update needs. */
export const eliminateDead: Pass = {
  name: 'eliminate dead',
  run(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) rewriter.keep(node)
    return rewriter.finish()
  },
}
