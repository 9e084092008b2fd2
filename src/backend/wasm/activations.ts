import type { Attributes, Node } from '../../core/ir.js'

/** The unary operations of `assembly/activation.ts`, by name: the `activation` trait and attribute hold these names. */
export const activationKinds = {
  identity: 0,
  relu: 1,
  leakyRelu: 2,
  elu: 3,
  selu: 4,
  sigmoid: 5,
  tanh: 6,
  softplus: 7,
  softsign: 8,
  hardSigmoid: 9,
  hardSwish: 10,
  gelu: 11,
  geluTanh: 12,
  exp: 13,
  celu: 14,
  thresholdedRelu: 15,
  clip: 16,
  swish: 17,
  mish: 18,
  neg: 19,
  abs: 20,
  sqrt: 21,
  reciprocal: 22,
  log: 23,
  erf: 24,
  sign: 25,
  floor: 26,
  ceil: 27,
  round: 28,
  scale: 29,
  sin: 30,
  cos: 31,
  tan: 32,
  asin: 33,
  acos: 34,
  atan: 35,
  sinh: 36,
  cosh: 37,
  asinh: 38,
  acosh: 39,
  atanh: 40,
  shrink: 41,
} as const

export type ActivationName = keyof typeof activationKinds

/** An operation as the kernels take it: its number in `assembly/activation.ts` and its two parameters. */
export interface Activation {
  readonly activation: number
  readonly alpha: number
  readonly beta: number
}

const make = (name: ActivationName, alpha = 0, beta = 0): Activation => ({
  activation: activationKinds[name],
  alpha,
  beta,
})

const plain = (name: ActivationName) => (): Activation => make(name)
const withAlpha =
  (name: ActivationName) =>
  ({ alpha }: Attributes): Activation =>
    make(name, alpha as number)

/** ONNX's unary ops and their attributes (defaults filled in), as operations of the kernels. */
export const unaryOperations = {
  Relu: plain('relu'),
  LeakyRelu: withAlpha('leakyRelu'),
  Elu: withAlpha('elu'),
  Selu: ({ alpha, gamma }) => make('selu', alpha as number, gamma as number),
  Sigmoid: plain('sigmoid'),
  Tanh: plain('tanh'),
  Softplus: plain('softplus'),
  Softsign: plain('softsign'),
  HardSigmoid: ({ alpha, beta }) => make('hardSigmoid', alpha as number, beta as number),
  HardSwish: plain('hardSwish'),
  Gelu: ({ approximate }) => make(approximate === 'tanh' ? 'geluTanh' : 'gelu'),
  Exp: plain('exp'),
  Celu: withAlpha('celu'),
  ThresholdedRelu: withAlpha('thresholdedRelu'),
  Swish: withAlpha('swish'),
  Mish: plain('mish'),
  Neg: plain('neg'),
  Abs: plain('abs'),
  Sqrt: plain('sqrt'),
  Reciprocal: plain('reciprocal'),
  Log: plain('log'),
  Erf: plain('erf'),
  Sign: plain('sign'),
  Floor: plain('floor'),
  Ceil: plain('ceil'),
  Round: plain('round'),
  Sin: plain('sin'),
  Cos: plain('cos'),
  Tan: plain('tan'),
  Asin: plain('asin'),
  Acos: plain('acos'),
  Atan: plain('atan'),
  Sinh: plain('sinh'),
  Cosh: plain('cosh'),
  Asinh: plain('asinh'),
  Acosh: plain('acosh'),
  Atanh: plain('atanh'),
  Shrink: ({ lambd, bias }) => make('shrink', lambd as number, bias as number),
} as const satisfies Record<string, (attributes: Attributes) => Activation>

/** The `activation`, `activation_alpha` and `activation_beta` attributes of a node with an epilogue; the identity where absent. */
export const epilogueOf = ({ attributes }: Pick<Node, 'attributes'>): Activation =>
  make(
    (attributes['activation'] as ActivationName | undefined) || 'identity',
    (attributes['activation_alpha'] as number | undefined) ?? 0,
    (attributes['activation_beta'] as number | undefined) ?? 0,
  )
