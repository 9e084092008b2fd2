import { normalizationRules } from '../autodiff/rules/normalization.js'
import { normalizationKernels } from '../backend/reference/normalization.js'
import { normLowerings } from '../backend/wasm/lower/norm.js'
import { layerNormalization } from '../ops/layer-normalization.js'
import { norms } from '../ops/norms.js'
import { definePack } from './pack.js'

/** The normalizations but that by batch. */
export const pack = definePack({
  operators: { ...layerNormalization, ...norms },
  kernels: normalizationKernels,
  lowerings: normLowerings,
  gradients: normalizationRules,
})
