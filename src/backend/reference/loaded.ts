import { NotLoaded } from '../../core/later.js'
import type { ReferenceKernel } from './kernel.js'
import { referenceKernels } from './table.js'

/** Loads the kernels of all core ops. */
export async function loadKernels(): Promise<void> {
  const { completeKernels } = await import('./complete.js')
  completeKernels()
}

const isComplete = (): boolean => Object.hasOwn(referenceKernels, 'Conv')

/** The kernel of `op`; undefined for a composite, which runs as its decomposition. Throws NotLoaded. */
export function kernelOf(op: string): ReferenceKernel | undefined {
  if (Object.hasOwn(referenceKernels, op)) return referenceKernels[op]
  if (isComplete()) return undefined
  throw new NotLoaded(`the reference kernel of ${op} is not loaded: await loadOperators() first`, loadKernels)
}
