import { type Evaluate, fold } from '../graph/fold.js'
import { nodeByNode, type Pass } from './pass.js'

/** Nodes of known operands become constants; those that decode them, if `decode` is set. */
export const foldConstants = (evaluate: Evaluate, decode = false): Pass =>
  nodeByNode(decode ? 'decode constants' : 'fold constants', (rewriter, node) => fold(rewriter, node, evaluate, decode))
