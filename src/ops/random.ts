import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { type AttributeSchema, type InferenceContext, intsAttribute, type OpDefinition } from './definition.js'
import { dropoutBody } from './dropout-body.js'
import { required, requireFloat } from './infer.js'

const generator = {
  seed: { type: 'int', default: 0 },
  stream: { type: 'int', default: 0 },
} as const satisfies Record<string, AttributeSchema>

function checkStep({ dtype, shape }: TensorType): void {
  if (dtype !== 'int32' || shape.length !== 0)
    throw new LanewiseError('TYPE_MISMATCH', 'the step must be an int32 scalar')
}

function inferDropout(context: InferenceContext): TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0))
  return [
    { dtype, shape },
    { dtype: 'bool', shape },
  ]
}

export const random = {
  /**
   * x, ratio? (0.5), training_mode? (false) -> y, mask. In training, the same elements drop out in every run, as the seed
   * says (one of the node's own without it); lanewise.Dropout takes a step to draw anew, and so does `dropoutBody`.
   */
  Dropout: {
    since: 13,
    inputs: [1, 3],
    outputs: [1, 2],
    attributes: { seed: { type: 'int' } },
    infer: inferDropout,
    decompose: (emit, node) => dropoutBody(emit, node),
  },

  /** x, step (int32 scalar) -> x / (1 - rate) where an element's random number is >= rate, else 0. */
  'lanewise.Dropout': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { rate: { type: 'float', required: true }, ...generator },
    traits: { random: true, inPlace: [0] },
    infer: (context) => {
      const { dtype, shape } = requireFloat(required(context, 0))
      checkStep(required(context, 1))
      const rate = context.attributes['rate'] as number
      if (!(rate >= 0 && rate < 1)) throw new LanewiseError('INVALID_ARGUMENT', `rate ${rate} is not in [0, 1)`)
      return [{ dtype, shape }]
    },
  },

  /** step (int32 scalar) -> float32 in [0, 1), of the attribute `shape`. */
  'lanewise.RandomUniform': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { shape: { type: 'ints', required: true }, ...generator },
    traits: { random: true },
    infer: (context) => {
      checkStep(required(context, 0))
      return [{ dtype: 'float32', shape: intsAttribute(context.attributes, 'shape')! }]
    },
  },
} as const satisfies Record<string, OpDefinition>
