import { controlAdapters } from './control.js'
import type { AdapterTable } from './draft.js'
import { elementwiseAdapters } from './elementwise.js'
import { learningAdapters } from './learning.js'
import { movementAdapters } from './movement.js'
import { normalizationAdapters } from './normalization.js'
import { reductionAdapters } from './reduction.js'
import { resizeAdapters } from './resize.js'

/** For each op, by the name that `Node.op` would hold: what lifts its older forms to the newest. */
export const adapters: AdapterTable = {
  ...controlAdapters,
  ...elementwiseAdapters,
  ...movementAdapters,
  ...reductionAdapters,
  ...normalizationAdapters,
  ...resizeAdapters,
  ...learningAdapters,
}
