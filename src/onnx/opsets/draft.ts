import type { Attributes, Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'

/** A node on its way in: what an adapter may change. */
export interface Draft {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: Attributes
  /** How many outputs the node names. */
  readonly outputs: number
}

/** What stands for a node that no single node of the newest form replaces: a value for each of its outputs. */
export interface Replacement {
  readonly values: readonly (Value | undefined)[]
}

/**
 * Lifts one form of an op to a newer one. Nodes that must come before it are written with the builder.
 * Throws LanewiseError with the cause only; the caller adds the node's name.
 */
export type Adapter = (draft: Draft, builder: GraphBuilder) => Draft | Replacement

/** Lifts nodes of opsets older than `before`. */
export interface AdapterRule {
  readonly before: number
  readonly adapt: Adapter
}

/** For each op: its rules, the oldest first. */
export type AdapterTable = Readonly<Record<string, readonly AdapterRule[]>>

export const isReplacement = (adapted: Draft | Replacement): adapted is Replacement => 'values' in adapted
