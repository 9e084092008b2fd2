import { type GradientRules, packRules } from '../autodiff/rule.js'
import type { ReferenceKernel } from '../backend/reference/kernel.js'
import { awaitKernels } from '../backend/reference/loaded.js'
import { referenceKernels } from '../backend/reference/table.js'
import { lowerings } from '../backend/wasm/lower/index.js'
import type { Lowering } from '../backend/wasm/lower/lowering.js'
import { resolveWith } from '../graph/resolver.js'
import type { OpDefinition } from '../ops/definition.js'
import { addOperators, type PrimitiveOf } from '../ops/index.js'
import { packPasses } from '../optimise/index.js'

type Operators = Readonly<Record<string, OpDefinition>>

type LaterKernels = () => Promise<Readonly<Record<string, ReferenceKernel>>>
type KernelsOf<Table extends Operators> = Readonly<Record<PrimitiveOf<Table>, ReferenceKernel>>

/** Ops that come as one chunk, with what runs them. What their rules emit is core, in the same pack, or named by `writes`. */
export interface Pack<Table extends Operators = Operators> {
  readonly operators: Table
  /** For every op but composites; or what brings them, where wasm has kernels of its own for what models hold. */
  readonly kernels: KernelsOf<Table> | (() => Promise<KernelsOf<Table>>)
  readonly lowerings?: Readonly<Record<string, Lowering>>
  readonly gradients?: GradientRules
  /** Passes that only its ops need. */
  readonly passes?: typeof packPasses
  /** Ops of other packs that its ops are written in. */
  readonly writes?: readonly string[]
  /** What resolves its ops while graphs are rewritten. */
  readonly resolver?: Parameters<typeof resolveWith>[0]
}

/** A pack whose table of kernels is complete. */
export const definePack = <Table extends Operators>(pack: Pack<Table>): Pack<Table> => pack

const primitivesOf = (table: Operators): string[] => Object.keys(table).filter((op) => !table[op].decompose)

/** Makes the ops of `pack` known to every stage. */
export function addPack(pack: Pack<never> | Pack): void {
  addOperators(pack.operators)
  const { kernels, operators } = pack as Pack
  if (typeof kernels === 'function') awaitKernels(primitivesOf(operators), kernels as LaterKernels)
  else Object.assign(referenceKernels, kernels)
  Object.assign(lowerings, pack.lowerings)
  Object.assign(packRules, pack.gradients)
  Object.assign(packPasses, pack.passes)
  if (pack.resolver) resolveWith(pack.resolver)
}
