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
import { pooledConv } from './pooled-conv.js'
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
  ...pooledConv,
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

/** Ops that graphs may hold, while what runs and differentiates them has still to come. */
const declared = new Set<string>()

/** Makes ops of packs known, so that they can be written, inferred and exported; their packs come before they run. */
export function declareOperators(table: Readonly<Record<string, OpDefinition>>): void {
  for (const [op, definition] of Object.entries(table)) {
    if (Object.hasOwn(operators, op)) continue
    operators[op] = definition
    declared.add(op)
  }
}

/** Makes the ops of a pack known that is there. */
export function addOperators(table: Readonly<Record<string, OpDefinition>>): void {
  Object.assign(operators, table)
  for (const op of Object.keys(table)) declared.delete(op)
}

/** Whether what runs `op` is there. */
export const isLoaded = (op: string): boolean => Object.hasOwn(operators, op) && !declared.has(op)

/** UNSUPPORTED_OP for an op that is not known, or in a pack that is not there. */
export class OperatorNotLoaded extends LanewiseError {
  constructor(readonly op: string) {
    super(
      'UNSUPPORTED_OP',
      `op '${op}' is not known to lanewise, or not loaded: await loadOperators(['${op}']) before you write such nodes`,
    )
  }
}

/** Whether `op` runs above the backends, as it holds subgraphs or works on sequences and optionals. */
export const isProgramOp = (op: string): boolean => Object.hasOwn(operators, op) && traitsOf(op).program === true

/** The definition of `op`. Throws UNSUPPORTED_OP. */
export function definitionOf(op: string): OpDefinition {
  if (Object.hasOwn(operators, op)) return operators[op]
  throw new OperatorNotLoaded(op)
}

/** As `definitionOf`, of an op that is to be run, written out or differentiated: it must not be declared only. */
export function loadedDefinitionOf(op: string): OpDefinition {
  if (isLoaded(op)) return operators[op]
  throw new OperatorNotLoaded(op)
}

export const traitsOf = (op: string): Traits => definitionOf(op).traits ?? {}
