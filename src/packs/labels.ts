import { hashingKernels } from '../backend/reference/hashing.js'
import { labelKernels } from '../backend/reference/labels.js'
import { hashing } from '../ops/hashing.js'
import { labels } from '../ops/labels.js'
import { definePack } from './pack.js'

/** LabelEncoder, and buckets by hashes. */
export const pack = definePack({
  operators: { ...labels, ...hashing },
  kernels: { ...labelKernels, ...hashingKernels },
})
