import { convLowerings } from './conv.js'
import { elementwiseLowerings } from './elementwise.js'
import { forestLowerings } from './forest.js'
import { indexingLowerings } from './indexing.js'
import { integerLowerings } from './integer.js'
import type { Lowering } from './lowering.js'
import { matMulLowerings } from './matmul.js'
import { movementLowerings } from './movement.js'
import { normLowerings } from './norm.js'
import { optimizerLowerings } from './optimizer.js'
import { poolLowerings } from './pool.js'
import { quantizeLowerings } from './quantize.js'
import { quantizedProductLowerings } from './quantized-products.js'
import { randomLowerings } from './random.js'
import { reduceLowerings } from './reduce.js'
import { resampleLowerings } from './resample.js'
import { recurrentLowerings } from './rnn.js'
import { selectionLowerings } from './selection.js'
import { softmaxLowerings } from './softmax.js'

/** How ops become kernel calls, by op name; an op that is missing runs in the reference backend. */
export const lowerings: Readonly<Record<string, Lowering>> = {
  ...elementwiseLowerings,
  ...integerLowerings,
  ...reduceLowerings,
  ...softmaxLowerings,
  ...matMulLowerings,
  ...convLowerings,
  ...poolLowerings,
  ...movementLowerings,
  ...indexingLowerings,
  ...quantizeLowerings,
  ...selectionLowerings,
  ...forestLowerings,
  ...quantizedProductLowerings,
  ...resampleLowerings,
  ...randomLowerings,
  ...optimizerLowerings,
  ...normLowerings,
  ...recurrentLowerings,
}
