import { hashingKernels } from '../backend/reference/hashing.js'
import { labelKernels } from '../backend/reference/labels.js'
import { tokenKernels } from '../backend/reference/tokens.js'
import { hashing } from '../ops/hashing.js'
import { labels } from '../ops/labels.js'
import { tokens } from '../ops/tokens.js'
import { definePack } from './pack.js'

/** LabelEncoder, buckets by hashes, and tokens of texts. */
export const pack = definePack({
  operators: { ...labels, ...hashing, ...tokens },
  kernels: { ...labelKernels, ...hashingKernels, ...tokenKernels },
})
