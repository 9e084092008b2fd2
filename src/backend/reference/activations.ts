import type { Attributes } from '../../core/ir.js'
import { concrete } from '../../core/shape.js'
import { erf, sigmoid, softplus } from '../../core/special.js'
import type { activations } from '../../ops/activations.js'
import { floatAttribute, stringAttribute } from '../../ops/definition.js'
import { broadcastIndices } from './broadcast.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** A function of x, and of the attributes alpha and beta (or gamma) where an op has them. */
const unary =
  (apply: (x: number, alpha: number, beta: number) => number): ReferenceKernel =>
  ({ inputs, outputs, attributes }) => {
    const alpha = floatAttribute(attributes, 'alpha')
    const beta = floatAttribute(attributes, attributes.gamma === undefined ? 'beta' : 'gamma')
    const y = numbersOf(inputs[0]!).map((x) => apply(x, alpha, beta))
    return [tensorOf(outputs[0].dtype, y, outputs[0].shape)]
  }

/** A function of two broadcast operands. */
export const binary =
  (apply: (a: number, b: number) => number): ReferenceKernel =>
  ({ inputs, outputs: [output] }) => {
    const shape = concrete(output.shape)
    const [a, b] = inputs.map((input) => numbersOf(input!))
    const [ia, ib] = inputs.map((input) => broadcastIndices(input!.dims, shape))
    return [
      tensorOf(
        output.dtype,
        Float64Array.from(ia, (index, i) => apply(a[index], b[ib[i]])),
        shape,
      ),
    ]
  }

const gelu = (attributes: Attributes) =>
  stringAttribute(attributes, 'approximate') === 'tanh'
    ? (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2))

export const activationKernels = {
  Relu: unary((x) => Math.max(0, x)),
  LeakyRelu: unary((x, alpha) => (x < 0 ? alpha * x : x)),
  Elu: unary((x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x)),
  Selu: unary((x, alpha, gamma) => gamma * (x > 0 ? x : alpha * Math.expm1(x))),
  Celu: unary((x, alpha) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha))),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Sigmoid: unary(sigmoid),
  HardSigmoid: unary((x, alpha, beta) => Math.max(0, Math.min(1, alpha * x + beta))),
  HardSwish: unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Tanh: unary(Math.tanh),
  ThresholdedRelu: unary((x, alpha) => (x > alpha ? x : 0)),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Swish: unary((x, alpha) => x * sigmoid(alpha * x)),
  Gelu: ({ inputs, outputs, attributes }) => [
    tensorOf(outputs[0].dtype, numbersOf(inputs[0]!).map(gelu(attributes)), outputs[0].shape),
  ],
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  Clip: ({ inputs: [x, min, max], outputs }) => {
    const low = min ? numbersOf(min)[0] : Number.NEGATIVE_INFINITY
    const high = max ? numbersOf(max)[0] : Number.POSITIVE_INFINITY
    const y = numbersOf(x!).map((value) => Math.min(Math.max(value, low), high))
    return [tensorOf(outputs[0].dtype, y, outputs[0].shape)]
  },
} as const satisfies Record<keyof typeof activations, ReferenceKernel>
