import type { Attributes, Node } from '../core/ir.js'

/** Unary operations, by the names that the `activation` trait and attribute hold. Kernels number or write them in this order. */
export const activationNames = [
  'identity',
  'relu',
  'leakyRelu',
  'elu',
  'selu',
  'sigmoid',
  'tanh',
  'softplus',
  'softsign',
  'hardSigmoid',
  'hardSwish',
  'gelu',
  'geluTanh',
  'exp',
  'celu',
  'thresholdedRelu',
  'clip',
  'swish',
  'mish',
  'neg',
  'abs',
  'sqrt',
  'reciprocal',
  'log',
  'erf',
  'scale',
  'sign',
  'floor',
  'ceil',
  'round',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
  'shrink',
] as const

export type ActivationName = (typeof activationNames)[number]

/** A unary operation and its two parameters. */
export interface Unary {
  readonly name: ActivationName
  readonly alpha: number
  readonly beta: number
}

const make = (name: ActivationName, alpha = 0, beta = 0): Unary => ({ name, alpha, beta })

const plain = (name: ActivationName) => (): Unary => make(name)
const withAlpha =
  (name: ActivationName) =>
  ({ alpha }: Attributes): Unary =>
    make(name, alpha as number)

/** ONNX's unary ops and their attributes (defaults filled in), as operations. */
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
} as const satisfies Record<string, (attributes: Attributes) => Unary>

/** The `activation`, `activation_alpha` and `activation_beta` attributes of a node with an epilogue; the identity where absent. */
export const epilogueOf = ({ attributes }: Pick<Node, 'attributes'>): Unary =>
  make(
    (attributes['activation'] as ActivationName | undefined) || 'identity',
    (attributes['activation_alpha'] as number | undefined) ?? 0,
    (attributes['activation_beta'] as number | undefined) ?? 0,
  )
