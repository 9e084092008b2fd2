import { classicalKernels } from '../backend/reference/classical.js'
import { forestLowerings } from '../backend/wasm/lower/forest.js'
import { classical } from '../ops/classical.js'
import { definePack } from './pack.js'

/** Trees, support vector machines. */
export const pack = definePack({ operators: classical, kernels: classicalKernels, lowerings: forestLowerings })
