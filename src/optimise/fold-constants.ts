import { type Evaluate, fold } from '../graph/fold.js'
import { nodeByNode, type Pass } from './pass.js'

/** Nodes of known operands become constants. */
export const foldConstants = (evaluate: Evaluate): Pass =>
  nodeByNode('fold constants', (rewriter, node) => fold(rewriter, node, evaluate))
