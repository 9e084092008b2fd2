import { convGradientKernels } from './conv-gradients.js'
import { crossEntropyKernels } from './crossentropy.js'
import { gradientKernels } from './gradients.js'
import { optimizerKernels } from './optimizer.js'
import { poolGradientKernels } from './pool-gradients.js'
import { randomKernels } from './random.js'

/** The kernels of the ops that training writes. */
export const trainingKernels = {
  ...gradientKernels,
  ...convGradientKernels,
  ...poolGradientKernels,
  ...crossEntropyKernels,
  ...randomKernels,
  ...optimizerKernels,
} as const
