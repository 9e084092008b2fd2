import { resizeRules } from '../autodiff/rules/resize.js'
import { resizeKernels } from '../backend/reference/resize.js'
import { resampleLowerings } from '../backend/wasm/lower/resample.js'
import { withBodies } from '../ops/definition.js'
import { resample } from '../ops/resample.js'
import { resize } from '../ops/resize.js'
import { decomposeResize } from '../ops/resize-body.js'
import { definePack } from './pack.js'

/** Resize. */
export const pack = definePack({
  operators: { ...withBodies(resize, { Resize: decomposeResize }), ...resample },
  kernels: resizeKernels,
  lowerings: resampleLowerings,
  gradients: resizeRules,
})
