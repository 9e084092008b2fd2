import { withBodies } from '../ops/definition.js'
import { einsum } from '../ops/einsum.js'
import { decomposeEinsum } from '../ops/einsum-body.js'
import { definePack } from './pack.js'

/** Einsum. */
export const pack = definePack({ operators: withBodies(einsum, { Einsum: decomposeEinsum }), kernels: {} })
