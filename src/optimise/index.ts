import type { Graph } from '../core/ir.js'
import type { Evaluate } from '../graph/fold.js'

/** One rewrite of a graph: the same results, under the same output names. */
export interface Pass {
  readonly name: string
  run(graph: Graph): Graph
}

/** The passes, in the order in which they run. */
export const passes = (_options: { readonly evaluate: Evaluate }): readonly Pass[] => []

/** `graph` made faster to run: same inputs, outputs, variables and results. Works on training graphs too. */
export const optimise = (graph: Graph, options: { readonly evaluate: Evaluate }): Graph =>
  passes(options).reduce((current, pass) => pass.run(current), graph)
