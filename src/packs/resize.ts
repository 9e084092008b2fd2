import { resizeRules } from '../autodiff/rules/resize.js'
import { resizeKernels } from '../backend/reference/resize.js'
import { resampleLowerings } from '../backend/wasm/lower/resample.js'
import { resize } from '../ops/resize.js'
import { definePack } from './pack.js'

/** Resize. */
export const pack = definePack({
  operators: resize,
  kernels: resizeKernels,
  lowerings: resampleLowerings,
  gradients: resizeRules,
})
