import type { Node } from '../../core/ir.js'
import {
  type ActivationName,
  activationNames,
  epilogueOf as namedEpilogueOf,
  type Unary,
  unaryOperations,
} from '../activations.js'

/** The unary operations of `assembly/activation.ts`, by name. */
export const activationKinds = Object.fromEntries(activationNames.map((name, kind) => [name, kind])) as Readonly<
  Record<ActivationName, number>
>

/** An operation as the kernels take it: its number in `assembly/activation.ts` and its two parameters. */
export interface Activation {
  readonly activation: number
  readonly alpha: number
  readonly beta: number
}

const numbered = ({ name, alpha, beta }: Unary): Activation => ({ activation: activationKinds[name], alpha, beta })

/** A node of one of `unaryOperations`, its attributes with their defaults, as an operation of the kernels. */
export const unaryOf = ({ op, attributes }: Node): Activation =>
  numbered(unaryOperations[op as keyof typeof unaryOperations](attributes))

/** The `activation`, `activation_alpha` and `activation_beta` attributes of a node with an epilogue; the identity where absent. */
export const epilogueOf = (node: Pick<Node, 'attributes'>): Activation => numbered(namedEpilogueOf(node))
