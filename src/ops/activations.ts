import { LanewiseError } from '../core/errors.js'
import { broadcastsTo } from '../core/shape.js'
import { floatAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { required, sameAsFloatInput, sameAsInput, sameDType } from './infer.js'

const float = (value: number) => ({ type: 'float', default: value }) as const

/** A unary op that kernels apply in their epilogue as `name`, with attributes of these defaults. */
const activation = <N extends string>(since: number, name: N, defaults: Readonly<Record<string, number>> = {}) =>
  ({
    since,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, float(value)])),
    traits: { elementwise: true, activation: name, inPlace: [0] },
    infer: sameAsFloatInput,
  }) as const satisfies OpDefinition

const SELU_ALPHA = 1.6732632423543772
const SELU_GAMMA = 1.0507009873554805

/** Activation functions: elementwise ops. */
export const activations = {
  Relu: { ...activation(13, 'relu'), infer: sameAsInput },
  LeakyRelu: activation(6, 'leakyRelu', { alpha: 0.01 }),
  Elu: activation(6, 'elu', { alpha: 1 }),
  Selu: activation(6, 'selu', { alpha: SELU_ALPHA, gamma: SELU_GAMMA }),
  Celu: activation(12, 'celu', { alpha: 1 }),
  Softplus: activation(1, 'softplus'),
  Softsign: activation(1, 'softsign'),
  Sigmoid: activation(13, 'sigmoid'),
  HardSigmoid: activation(6, 'hardSigmoid', { alpha: 0.2, beta: 0.5 }),
  HardSwish: activation(14, 'hardSwish'),
  Tanh: activation(13, 'tanh'),
  ThresholdedRelu: activation(10, 'thresholdedRelu', { alpha: 1 }),
  Mish: {
    ...activation(18, 'mish'),
    decompose: (emit, node) => [emit.mul(node.inputs[0]!, emit.tanh(emit.softplus(node.inputs[0]!)))],
  },
  /** x * sigmoid(alpha x); SiLU where alpha is 1. */
  Swish: {
    ...activation(24, 'swish', { alpha: 1 }),
    decompose: (emit, node) => [
      emit.mul(node.inputs[0]!, emit.sigmoid(emit.mul(node.inputs[0]!, floatAttribute(node.attributes, 'alpha')))),
    ],
  },
  /** x times the normal distribution function of x (`approximate` 'none'), or its tanh form ('tanh'). */
  Gelu: {
    since: 20,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { approximate: { type: 'string', default: 'none' } },
    traits: {
      elementwise: true,
      inPlace: [0],
      activation: 'gelu',
      activationAttributes: { approximate: 'none' },
    },
    infer: (context) => {
      const approximate = stringAttribute(context.attributes, 'approximate')
      if (approximate !== 'none' && approximate !== 'tanh')
        throw new LanewiseError('INVALID_MODEL', `approximate must be 'none' or 'tanh', got '${approximate}'`)
      return sameAsFloatInput(context)
    },
    decompose: (emit, node) => {
      const x = node.inputs[0]!
      const inside =
        stringAttribute(node.attributes, 'approximate') === 'tanh'
          ? emit.tanh(emit.mul(emit.add(x, emit.mul(emit.mul(emit.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI)))
          : emit.op('Erf', [emit.mul(x, Math.SQRT1_2)])
      return [emit.mul(emit.mul(x, 0.5), emit.add(inside, 1))]
    },
  },
  /** x where positive, else slope * x; slope broadcasts to x's shape. */
  PRelu: {
    since: 9,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], weights: [1] },
    infer: (context) => {
      const [x, slope] = [required(context, 0), required(context, 1)]
      if (!broadcastsTo(slope.shape, x.shape))
        throw new LanewiseError('SHAPE_MISMATCH', 'the slope must broadcast to the shape of the input')
      return [{ dtype: sameDType([x, slope]), shape: x.shape }]
    },
  },
  /** Limits x to [min, max], both optional scalars. */
  Clip: {
    since: 13,
    inputs: [1, 3],
    outputs: [1, 1],
    traits: { elementwise: true, activation: 'clip', inPlace: [0] },
    infer: (context) => {
      sameDType(context.inputs.filter((input) => input !== undefined))
      return sameAsInput(context)
    },
  },
} as const satisfies Record<string, OpDefinition>
