import type { Attributes, Node, Value } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import type { Emitter } from '../ops/emitter.js'

/** What a gradient rule may use. It emits nodes and never touches data. */
export interface GradientContext {
  readonly emit: Emitter
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
  readonly attributes: Attributes
  /** Gradient of the loss by output `index`; undefined if the loss does not depend on it. */
  gradient(index: number): Value | undefined
  /** The content of input `index` if it is known while compiling. */
  constant(index: number): Tensor | undefined
  /** Whether the gradient by input `index` is asked for; a rule may return undefined where it is not. */
  needs(index: number): boolean
}

/** The gradients by a node's inputs, in their order; undefined for a node that is differentiated as its decomposition. */
export type GradientRule = (context: GradientContext) => readonly (Value | undefined)[] | undefined

/** By op name. */
export type GradientRules = Readonly<Record<string, GradientRule>>

/** Those that came with packs. */
export const packRules: Record<string, GradientRule> = {}

/** A rule in terms of the gradient by the only output. */
export const byOutput =
  (rule: (context: GradientContext, dy: Value) => readonly (Value | undefined)[]): GradientRule =>
  (context) =>
    rule(context, context.gradient(0)!)

/** As `byOutput`, for ops of one input. */
export const ofUnary =
  (rule: (context: GradientContext, dy: Value) => Value): GradientRule =>
  (context) => [rule(context, context.gradient(0)!)]
