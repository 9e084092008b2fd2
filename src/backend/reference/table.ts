import { generatorKernels } from './generators.js'
import type { ReferenceKernel } from './kernel.js'
import { movementKernels, viewKernels } from './movement.js'

/** What the graphs of CNNs and MLPs have evaluated before they run: how weights lie, and shapes. */
export const coreKernels = { ...viewKernels, ...movementKernels, ...generatorKernels } as const

/** The kernels that are loaded, by op name. `complete.ts` adds those of the core ops that compute, `src/packs` its own. */
export const referenceKernels: Record<string, ReferenceKernel> = { ...coreKernels }

/** Whether all core ops have their kernels in the table: those that have none are composites. */
export const tableState = { complete: false }

/** Adds `kernels`, which are those of all core ops. */
export function completeTable(kernels: Readonly<Record<string, ReferenceKernel>>): void {
  Object.assign(referenceKernels, kernels)
  tableState.complete = true
}
