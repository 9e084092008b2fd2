import type { activations } from '../../ops/activations.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

const unary =
  (apply: (x: number) => number): ReferenceKernel =>
  ({ inputs, outputs }) => [tensorOf(outputs[0].dtype, numbersOf(inputs[0]!).map(apply), outputs[0].shape)]

export const activationKernels = {
  Relu: unary((x) => Math.max(0, x)),
} as const satisfies Record<keyof typeof activations, ReferenceKernel>
