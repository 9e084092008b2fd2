import type { InferenceContext, OpDefinition } from './definition.js'

const sameAsInput = ({ inputs }: InferenceContext) => [{ dtype: inputs[0]!.dtype, shape: inputs[0]!.shape }]

export const activations = {
  Relu: {
    since: 14,
    inputs: [1, 1],
    outputs: [1, 1],
    traits: { elementwise: true, activation: 'relu', inPlace: [0] },
    infer: sameAsInput,
    gradient: ({ emit, outputs, gradient }) => [emit.op('lanewise.ReluGradient', [gradient(0), outputs[0]])],
  },
} as const satisfies Record<string, OpDefinition>
