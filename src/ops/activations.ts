import type { OpDefinition } from './definition.js'
import { sameAsInput } from './infer.js'

/** Activation functions: unary elementwise ops, and the gradients that work from their outputs. */
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
