import { convLowerings } from './conv.js'
import { elementwiseLowerings } from './elementwise.js'
import type { Lowering } from './lowering.js'
import { matMulLowerings } from './matmul.js'
import { movementLowerings } from './movement.js'
import { withOtherTypes } from './other-types.js'
import { poolLowerings } from './pool.js'
import { pooledConvLowerings } from './pooled-conv.js'
import { reduceLowerings } from './reduce.js'
import { softmaxLowerings } from './softmax.js'

/** How the ops that are loaded become kernel calls, by op name; `src/packs` adds to them. What is missing runs in the reference backend. */
export const lowerings: Record<string, Lowering> = {
  ...withOtherTypes({ ...elementwiseLowerings, ...reduceLowerings }),
  ...softmaxLowerings,
  ...matMulLowerings,
  ...convLowerings,
  ...poolLowerings,
  ...pooledConvLowerings,
  ...movementLowerings,
}
