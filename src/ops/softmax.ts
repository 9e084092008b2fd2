import { normalizeAxis } from '../core/shape.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { required, sameAsFloatInput } from './infer.js'

export const axisAttribute = { axis: { type: 'int', default: -1 } } as const

const alongAxis = (context: InferenceContext) => {
  normalizeAxis(intAttribute(context.attributes, 'axis'), required(context, 0).shape.length)
  return sameAsFloatInput(context)
}

/** Softmax and its logarithm. */
export const softmax = {
  Softmax: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: axisAttribute,
    traits: { inPlace: [0] },
    infer: alongAxis,
  },
  LogSoftmax: {
    since: 13,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: axisAttribute,
    traits: { inPlace: [0] },
    infer: alongAxis,
  },
} as const satisfies Record<string, OpDefinition>
