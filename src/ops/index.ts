import { LanewiseError } from '../core/errors.js'
import { activations } from './activations.js'
import { attention } from './attention.js'
import { bitwise } from './bitwise.js'
import { classical } from './classical.js'
import { compaction } from './compaction.js'
import { control } from './control.js'
import { conv } from './conv.js'
import type { OpDefinition } from './definition.js'
import { einsum } from './einsum.js'
import { elementwise } from './elementwise.js'
import { generators } from './generators.js'
import { images } from './images.js'
import { indexing } from './indexing.js'
import { layout } from './layout.js'
import { losses } from './losses.js'
import { matmul } from './matmul.js'
import { movement } from './movement.js'
import { normalization } from './normalization.js'
import { norms } from './norms.js'
import { optimizerUpdates } from './optimizer.js'
import { pool } from './pool.js'
import { quantization } from './quantization.js'
import { random } from './random.js'
import { recurrent } from './recurrent.js'
import { reductions } from './reduction.js'
import { regions } from './regions.js'
import { resize } from './resize.js'
import { sampling } from './sampling.js'
import { selection } from './selection.js'
import { sequences } from './sequence.js'
import { sequenceModels } from './sequence-models.js'
import { signal } from './signal.js'
import { softmax } from './softmax.js'
import { strings } from './strings.js'
import { trigonometry } from './trigonometry.js'
import { views } from './views.js'
import { windowComposites } from './window-composites.js'

/** Every op, by the name that `Node.op` holds. */
export const operators = {
  ...activations,
  ...elementwise,
  ...reductions,
  ...softmax,
  ...matmul,
  ...optimizerUpdates,
  ...conv,
  ...pool,
  ...views,
  ...movement,
  ...generators,
  ...normalization,
  ...norms,
  ...losses,
  ...recurrent,
  ...attention,
  ...sequenceModels,
  ...windowComposites,
  ...regions,
  ...random,
  ...resize,
  ...layout,
  ...einsum,
  ...signal,
  ...sampling,
  ...strings,
  ...images,
  ...trigonometry,
  ...indexing,
  ...bitwise,
  ...quantization,
  ...selection,
  ...classical,
  ...compaction,
  ...sequences,
  ...control,
} as const satisfies Record<string, OpDefinition>

export type OpName = keyof typeof operators

/** The ops with a decomposition: a backend may do without a kernel for them. */
export type CompositeName = {
  [Name in OpName]: (typeof operators)[Name] extends { readonly decompose: unknown } ? Name : never
}[OpName]

/** Ops that run above the backends, as they hold subgraphs or work on sequences and optionals. */
export type ProgramOpName = keyof typeof control | keyof typeof sequences

export const isProgramOp = (op: string): op is ProgramOpName =>
  Object.hasOwn(control, op) || Object.hasOwn(sequences, op)

/** The definition of `op`. Throws UNSUPPORTED_OP. */
export function definitionOf(op: string): OpDefinition {
  const definition = (operators as Readonly<Record<string, OpDefinition>>)[op]
  if (definition === undefined || !Object.hasOwn(operators, op))
    throw new LanewiseError('UNSUPPORTED_OP', `op '${op}' is not known to lanewise`)
  return definition
}

export const traitsOf = (op: string) => definitionOf(op).traits ?? {}
