import type { OpName } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import type { ReferenceKernel } from './kernel.js'

/** A kernel for every op. */
export const referenceKernels = {
  ...activationKernels,
} as const satisfies Record<OpName, ReferenceKernel>
