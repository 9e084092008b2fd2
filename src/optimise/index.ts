import type { Graph, Node } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'

/** Runs one node on host tensors: what constant folding calls. */
export type Evaluate = (node: Node, inputs: readonly (Tensor | undefined)[]) => readonly Tensor[]

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
