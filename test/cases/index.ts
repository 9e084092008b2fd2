import { activationCases } from './activations.js'
import type { OpCase } from './case.js'
import { elementwiseCases } from './elementwise.js'
import { matmulCases } from './matmul.js'
import { optimizerCases } from './optimizer.js'
import { reductionCases } from './reduction.js'
import { softmaxCases } from './softmax.js'

/** Every op case. */
export const cases: readonly OpCase[] = [
  ...activationCases,
  ...elementwiseCases,
  ...reductionCases,
  ...softmaxCases,
  ...matmulCases,
  ...optimizerCases,
]
