import { stringKernels } from '../backend/reference/strings.js'
import { strings } from '../ops/strings.js'
import { definePack } from './pack.js'

/** Ops on strings. */
export const pack = definePack({ operators: strings, kernels: stringKernels })
