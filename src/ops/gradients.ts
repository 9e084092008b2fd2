import { intsAttribute, type OpDefinition } from './definition.js'
import { broadcastOf, required } from './infer.js'

/** dx from dy and the activation's output y. */
const fromOutput = {
  since: 1,
  inputs: [2, 2],
  outputs: [1, 1],
  traits: { elementwise: true, inPlace: [0], scales: true },
  infer: broadcastOf(),
} as const satisfies OpDefinition

/** The gradients of activations and of Gather. */
export const gradients = {
  /** (dy, y) -> dy where y > 0, else 0. */
  'lanewise.ReluGradient': fromOutput,
  /** (dy, y) -> dy y (1 - y). */
  'lanewise.SigmoidGradient': fromOutput,
  /** (dy, y) -> dy (1 - y^2). */
  'lanewise.TanhGradient': fromOutput,

  /** dy, indices -> dx of shape input_shape: rows of dy are added in index order. */
  'lanewise.GatherGradient': {
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { axis: { type: 'int', default: 0 }, input_shape: { type: 'ints', required: true } },
    infer: (context) => [
      { dtype: required(context, 0).dtype, shape: intsAttribute(context.attributes, 'input_shape')! },
    ],
  },
} as const satisfies Record<string, OpDefinition>
