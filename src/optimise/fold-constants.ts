import { type Evaluate, fold } from '../graph/fold.js'
import { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import type { Pass } from './pass.js'

/** Nodes of known operands become constants; those that decode them, if `decode` is set. */
export const foldConstants = (evaluate: Evaluate, decode = false): Pass => ({
  name: decode ? 'decode constants' : 'fold constants',
  concerns: ({ op, inputs }, { constants }) =>
    traitsOf(op).shapeOnly === true || inputs.every((input) => !input || constants.has(input)),
  run(graph) {
    const rewriter = new Rewriter(graph)
    for (const node of graph.nodes) if (!fold(rewriter, node, evaluate, decode)) rewriter.keep(node)
    return rewriter.finish()
  },
})
