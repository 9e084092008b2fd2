import type { CompositeName, OpName, ProgramOpName } from '../../ops/index.js'
import { activationKernels } from './activations.js'
import { bitwiseKernels } from './bitwise.js'
import { classicalKernels } from './classical.js'
import { compactionKernels } from './compaction.js'
import { convKernels } from './conv.js'
import { elementwiseKernels } from './elementwise.js'
import { generatorKernels } from './generators.js'
import { imageKernels } from './images.js'
import { indexingKernels } from './indexing.js'
import type { ReferenceKernel } from './kernel.js'
import { layoutKernels } from './layout.js'
import { matmulKernels } from './matmul.js'
import { movementKernels, viewKernels } from './movement.js'
import { normalizationKernels } from './normalization.js'
import { optimizerKernels } from './optimizer.js'
import { poolKernels } from './pool.js'
import { quantizationKernels } from './quantization.js'
import { randomKernels } from './random.js'
import { reductionKernels } from './reduction.js'
import { regionKernels } from './regions.js'
import { resizeKernels } from './resize.js'
import { samplingKernels } from './sampling.js'
import { selectionKernels } from './selection.js'
import { signalKernels } from './signal.js'
import { softmaxKernels } from './softmax.js'
import { stringKernels } from './strings.js'
import { trigonometryKernels } from './trigonometry.js'

/** A kernel for every op that works on tensors alone, but composites, which may run as their decomposition. */
export const referenceKernels = {
  ...activationKernels,
  ...elementwiseKernels,
  ...reductionKernels,
  ...softmaxKernels,
  ...matmulKernels,
  ...optimizerKernels,
  ...convKernels,
  ...poolKernels,
  ...viewKernels,
  ...movementKernels,
  ...generatorKernels,
  ...normalizationKernels,
  ...randomKernels,
  ...regionKernels,
  ...resizeKernels,
  ...layoutKernels,
  ...signalKernels,
  ...samplingKernels,
  ...stringKernels,
  ...imageKernels,
  ...trigonometryKernels,
  ...indexingKernels,
  ...bitwiseKernels,
  ...quantizationKernels,
  ...selectionKernels,
  ...classicalKernels,
  ...compactionKernels,
} as const satisfies Record<Exclude<OpName, CompositeName | ProgramOpName>, ReferenceKernel>
