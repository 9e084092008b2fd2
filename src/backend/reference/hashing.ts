import { crossBucket, hashBucket } from '../../core/fingerprint.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { hashing } from '../../ops/hashing.js'
import type { ReferenceKernel } from './kernel.js'

const tokensOf = (tensor: Tensor) => tensor.data as ArrayLike<string | bigint | number>

export const hashingKernels = {
  'lanewise.HashBucket': ({ inputs: [x], outputs: [{ shape }], attributes }) => {
    const { buckets, salt } = attributes as { buckets: number; salt?: readonly number[] }
    return [
      new Tensor(
        'int64',
        Array.from(tokensOf(x!), (token) => hashBucket(token, buckets, salt)),
        concrete(shape),
      ),
    ]
  },
  'lanewise.CrossBucket': ({ inputs, outputs: [{ shape }], attributes }) => {
    const features = inputs.map((input) => tokensOf(input!))
    const crossed = Array.from(features[0], (_, i) =>
      crossBucket(
        features.map((tokens) => tokens[i]),
        attributes.buckets as number,
      ),
    )
    return [new Tensor('int64', crossed, concrete(shape))]
  },
} as const satisfies Record<keyof typeof hashing, ReferenceKernel>
