import { LanewiseError } from '../core/errors.js'
import { sameShape } from '../core/shape.js'
import type { OpDefinition } from './definition.js'
import { required } from './infer.js'

/** Buckets of strings and integers, as TensorFlow numbers them. ONNX has no such hashes: these ops are never exported. */
export const hashing = {
  /** Each element's bucket, int64, by FarmHash, or by SipHash with a salt of two integers. */
  'lanewise.HashBucket': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { buckets: { type: 'int', required: true }, salt: { type: 'ints' } },
    infer: (context) => [{ dtype: 'int64', shape: required(context, 0).shape }],
  },
  /** The bucket, int64, of the elements in one place of all inputs. */
  'lanewise.CrossBucket': {
    since: 1,
    inputs: [2, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    attributes: { buckets: { type: 'int', required: true } },
    infer: (context) => {
      const { shape } = required(context, 0)
      if (!context.inputs.every((input) => input && sameShape(input.shape, shape)))
        throw new LanewiseError('SHAPE_MISMATCH', 'features that are crossed need one shape')
      return [{ dtype: 'int64', shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
