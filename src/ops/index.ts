import { LanewiseError } from '../core/errors.js'
import { activations } from './activations.js'
import { conv } from './conv.js'
import type { OpDefinition, Traits } from './definition.js'
import { elementwise } from './elementwise.js'
import { generators } from './generators.js'
import { matmul } from './matmul.js'
import { movement } from './movement.js'
import { normalization } from './normalization.js'
import { pool } from './pool.js'
import { reductions } from './reduction.js'
import { softmax } from './softmax.js'
import { views } from './views.js'

/** The ops that CNNs and MLPs hold. */
export const coreOperators = {
  ...activations,
  ...elementwise,
  ...reductions,
  ...softmax,
  ...matmul,
  ...conv,
  ...pool,
  ...views,
  ...movement,
  ...generators,
  ...normalization,
} as const satisfies Record<string, OpDefinition>

/** The ops of a table that need a kernel: all but composites. */
export type PrimitiveOf<Operators> = {
  [Name in keyof Operators]: Operators[Name] extends { readonly decompose: unknown } ? never : Name
}[keyof Operators]

/** The ops that are loaded, by the name that `Node.op` holds. `src/packs` adds those that models ask for. */
export const operators: Record<string, OpDefinition> = { ...coreOperators }

/** Whether `op` runs above the backends, as it holds subgraphs or works on sequences and optionals. */
export const isProgramOp = (op: string): boolean => Object.hasOwn(operators, op) && traitsOf(op).program === true

/** The definition of `op`. Throws UNSUPPORTED_OP. */
export function definitionOf(op: string): OpDefinition {
  if (Object.hasOwn(operators, op)) return operators[op]
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `op '${op}' is not known to lanewise, or not loaded: await loadOperators(['${op}']) before you write such nodes`,
  )
}

export const traitsOf = (op: string): Traits => definitionOf(op).traits ?? {}
