import { einsum } from '../ops/einsum.js'
import { definePack } from './pack.js'

/** Einsum. */
export const pack = definePack({ operators: einsum, kernels: {} })
