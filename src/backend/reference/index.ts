import type { coreOperators, PrimitiveOf } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import { convKernels } from './conv.js'
import { elementwiseKernels } from './elementwise.js'
import { generatorKernels } from './generators.js'
import type { ReferenceKernel } from './kernel.js'
import { matmulKernels } from './matmul.js'
import { movementKernels, viewKernels } from './movement.js'
import { poolKernels } from './pool.js'
import { reductionKernels } from './reduction.js'
import { softmaxKernels } from './softmax.js'

/** A kernel for every core op but composites, which may run as their decomposition. */
const coreKernels = {
  ...activationKernels,
  ...elementwiseKernels,
  ...reductionKernels,
  ...softmaxKernels,
  ...matmulKernels,
  ...convKernels,
  ...poolKernels,
  ...viewKernels,
  ...movementKernels,
  ...generatorKernels,
} as const satisfies Record<PrimitiveOf<typeof coreOperators>, ReferenceKernel>

/** The kernels that are loaded, by op name; `src/packs` adds to them. */
export const referenceKernels: Record<string, ReferenceKernel> = coreKernels
