import { NotLoaded } from '../../core/later.js'
import type { ReferenceKernel } from './kernel.js'
import { referenceKernels, tableState } from './table.js'

/** What brings kernels of packs that have still to come, by op. */
const awaited = new Map<string, () => Promise<void>>()

/** Has `load` bring the kernels of `ops` when one of them is asked for. */
export function awaitKernels(
  ops: readonly string[],
  load: () => Promise<Readonly<Record<string, ReferenceKernel>>>,
): void {
  const bring = async () => {
    Object.assign(referenceKernels, await load())
    for (const op of ops) awaited.delete(op)
  }
  for (const op of ops) if (!Object.hasOwn(referenceKernels, op)) awaited.set(op, bring)
}

/** Loads the kernels of packs that are there. */
export async function loadAwaited(): Promise<void> {
  await Promise.all([...new Set(awaited.values())].map((bring) => bring()))
}

/** Loads the kernels of all core ops, and of packs that are there. */
export async function loadKernels(): Promise<void> {
  const [{ completeKernels }] = await Promise.all([import('./complete.js'), loadAwaited()])
  completeKernels()
}

/** The kernel of `op`; undefined for a composite, which runs as its decomposition. Throws NotLoaded. */
export function kernelOf(op: string): ReferenceKernel | undefined {
  if (Object.hasOwn(referenceKernels, op)) return referenceKernels[op]
  if (tableState.complete && !awaited.has(op)) return undefined
  throw new NotLoaded(`the reference kernel of ${op} is not loaded: await loadOperators() first`, loadKernels)
}

/** Throws NotLoaded where kernels of packs have still to come. */
export function requireKernels(): void {
  if (awaited.size > 0)
    throw new NotLoaded('reference kernels are not loaded: await loadOperators() first', loadKernels)
}
