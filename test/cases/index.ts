import { activationCases } from './activations.js'
import { attentionCases } from './attention.js'
import type { OpCase } from './case.js'
import { classicalCases } from './classical.js'
import { convCases } from './conv.js'
import { einsumCases } from './einsum.js'
import { elementwiseCases } from './elementwise.js'
import { indexingCases } from './indexing.js'
import { layoutCases } from './layout.js'
import { matmulCases } from './matmul.js'
import { movementCases } from './movement.js'
import { normalizationCases } from './normalization.js'
import { hardmaxCases, lossCases, normCases } from './norms.js'
import { optimizerCases } from './optimizer.js'
import { poolCases } from './pool.js'
import { quantizationCases } from './quantization.js'
import { randomCases } from './random.js'
import { recurrentCases } from './recurrent.js'
import { reductionCases } from './reduction.js'
import { regionCases } from './regions.js'
import { resizeCases } from './resize.js'
import { samplingCases } from './sampling.js'
import { selectionCases } from './selection.js'
import { signalCases } from './signal.js'
import { softmaxCases } from './softmax.js'
import { trigonometryCases } from './trigonometry.js'
import { windowCompositeCases } from './window-composites.js'

/** Every op case. */
export const cases: readonly OpCase[] = [
  ...activationCases,
  ...elementwiseCases,
  ...reductionCases,
  ...softmaxCases,
  ...matmulCases,
  ...optimizerCases,
  ...convCases,
  ...poolCases,
  ...movementCases,
  ...normalizationCases,
  ...normCases,
  ...lossCases,
  ...recurrentCases,
  ...attentionCases,
  ...windowCompositeCases,
  ...regionCases,
  ...hardmaxCases,
  ...randomCases,
  ...resizeCases,
  ...layoutCases,
  ...einsumCases,
  ...signalCases,
  ...samplingCases,
  ...trigonometryCases,
  ...indexingCases,
  ...quantizationCases,
  ...selectionCases,
  ...classicalCases,
]
