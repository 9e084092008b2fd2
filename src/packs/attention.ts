import { attention } from '../ops/attention.js'
import { sequenceModels } from '../ops/sequence-models.js'
import { definePack } from './pack.js'

/** Attention, and the other layers of language models. */
export const pack = definePack({ operators: { ...attention, ...sequenceModels }, kernels: {} })
