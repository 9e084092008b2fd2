import type { Graph, Node, Value } from '../core/ir.js'

/** A stretch of the arena, in bytes from its start. */
export interface Region {
  readonly offset: number
  readonly bytes: number
}

/** Where a value lives: in the arena, or in the memory of a constant or of a variable that it is a view of or replaces. */
export type Placement =
  | ({ readonly kind: 'arena' } & Region)
  | { readonly kind: 'constant'; readonly of: Value }
  | { readonly kind: 'variable'; readonly of: Value }

/**
 * One thing to do: run a node's kernel, or copy the bytes of one value over another (a variable that takes its new
 * content, an output that must not change with its variable). Views have no step.
 */
export type Step =
  | { readonly kind: 'node'; readonly node: Node; readonly workspace: Region | undefined }
  | { readonly kind: 'copy'; readonly from: Value; readonly to: Value }

/** A graph with a schedule and a place for every value. Shapes are concrete. */
export interface Plan {
  readonly graph: Graph
  readonly steps: readonly Step[]
  /** Of every value: inputs, constants, variables, node outputs, and the targets of copies. */
  readonly placements: ReadonlyMap<Value, Placement>
  readonly arenaBytes: number
  /** The largest sum of bytes alive at one step: no plan can be smaller. */
  readonly lowerBoundBytes: number
}
