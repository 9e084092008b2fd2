import type { OpName } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import { convKernels } from './conv.js'
import { elementwiseKernels } from './elementwise.js'
import type { ReferenceKernel } from './kernel.js'
import { matmulKernels } from './matmul.js'
import { optimizerKernels } from './optimizer.js'
import { poolKernels } from './pool.js'
import { reductionKernels } from './reduction.js'
import { softmaxKernels } from './softmax.js'

/** A kernel for every op. */
export const referenceKernels = {
  ...activationKernels,
  ...elementwiseKernels,
  ...reductionKernels,
  ...softmaxKernels,
  ...matmulKernels,
  ...optimizerKernels,
  ...convKernels,
  ...poolKernels,
} as const satisfies Record<OpName, ReferenceKernel>
