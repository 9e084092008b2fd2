import { indexingRules } from '../autodiff/rules/indexing.js'
import { selectionRules } from '../autodiff/rules/selection.js'
import { compactionKernels } from '../backend/reference/compaction.js'
import { indexingKernels } from '../backend/reference/indexing.js'
import { selectionKernels } from '../backend/reference/selection.js'
import { indexingLowerings } from '../backend/wasm/lower/indexing.js'
import { selectionLowerings } from '../backend/wasm/lower/selection.js'
import { compaction } from '../ops/compaction.js'
import { indexing } from '../ops/indexing.js'
import { selection } from '../ops/selection.js'
import { definePack } from './pack.js'

/** Gathers and scatters by element and row, TopK, running sums, triangles, NonZero and the like. */
export const pack = definePack({
  operators: { ...indexing, ...selection, ...compaction },
  kernels: { ...indexingKernels, ...selectionKernels, ...compactionKernels },
  lowerings: { ...indexingLowerings, ...selectionLowerings },
  gradients: { ...indexingRules, ...selectionRules },
})
