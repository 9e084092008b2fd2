import type { Node } from '../core/ir.js'
import { type Evaluate, fold } from './fold.js'
import type { Rewriter } from './rewrite.js'

/** Replaces while rewriting what needs no decision at run time. */
export interface Resolver {
  /** Whether `node` was replaced; if not, its results have still to be written. */
  expand(node: Node): boolean
}

type Create = (rewriter: Rewriter, evaluate: Evaluate) => Resolver

let create: Create = (rewriter, evaluate) => ({ expand: (node) => fold(rewriter, node, evaluate) })

/** A resolver for one rewrite: it folds constants, and what comes with the ops that hold subgraphs or sequences. */
export const createResolver: Create = (rewriter, evaluate) => create(rewriter, evaluate)

/** Lets `Type` resolve from here on: what `src/packs` adds for control flow. */
export function resolveWith(Type: new (...parameters: Parameters<Create>) => Resolver): void {
  create = (rewriter, evaluate) => new Type(rewriter, evaluate)
}
