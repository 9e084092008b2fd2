import type { OpName } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import { convKernels } from './conv.js'
import type { ReferenceKernel } from './kernel.js'
import { poolKernels } from './pool.js'

/** A kernel for every op. */
export const referenceKernels = {
  ...activationKernels,
  ...convKernels,
  ...poolKernels,
} as const satisfies Record<OpName, ReferenceKernel>
