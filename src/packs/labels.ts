import { labelKernels } from '../backend/reference/labels.js'
import { labels } from '../ops/labels.js'
import { definePack } from './pack.js'

/** LabelEncoder. */
export const pack = definePack({ operators: labels, kernels: labelKernels })
