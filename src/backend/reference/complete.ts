import type { coreOperators, PrimitiveOf } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import { convKernels } from './conv.js'
import { elementwiseKernels } from './elementwise.js'
import type { ReferenceKernel } from './kernel.js'
import { matmulKernels } from './matmul.js'
import { poolKernels } from './pool.js'
import { reductionKernels } from './reduction.js'
import { softmaxKernels } from './softmax.js'
import { completeTable, coreKernels } from './table.js'

/** A kernel for every core op but composites, which run as their decomposition. */
const allKernels = {
  ...coreKernels,
  ...activationKernels,
  ...elementwiseKernels,
  ...reductionKernels,
  ...softmaxKernels,
  ...matmulKernels,
  ...convKernels,
  ...poolKernels,
} as const satisfies Record<PrimitiveOf<typeof coreOperators>, ReferenceKernel>

/** Makes every core op known to `evaluate`. */
export function completeKernels(): void {
  completeTable(allKernels)
}
