import type { NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Value } from '../core/ir.js'
import { broadcastsTo } from '../core/shape.js'
import { floatAttribute, type GradientContext, type OpDefinition, stringAttribute } from './definition.js'
import { broadcastOf, required, sameAsFloatInput, sameAsInput, sameDType } from './infer.js'

const float = (value: number) => ({ type: 'float', default: value }) as const

/** A unary op that kernels apply in their epilogue as `name`, with attributes of these defaults. */
const activation = <N extends string>(
  since: number,
  name: N,
  defaults: Readonly<Record<string, number>>,
  gradient: (context: GradientContext, dy: Value) => Value,
) =>
  ({
    since,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, float(value)])),
    traits: { elementwise: true, activation: name, inPlace: [0] },
    infer: sameAsFloatInput,
    gradient: (context) => [gradient(context, context.gradient(0)!)],
  }) as const satisfies OpDefinition

const SELU_ALPHA = 1.6732632423543772
const SELU_GAMMA = 1.0507009873554805

/** dx from the activation's output y: lanewise.ReluGradient and its kin, which differentiate once more. */
const fromOutput = (byOutput: (context: GradientContext, upstream: Value) => Value | undefined, op: string) =>
  ({
    since: 1,
    inputs: [2, 2],
    outputs: [1, 1],
    traits: { elementwise: true, inPlace: [0], scales: true },
    infer: broadcastOf(),
    gradient: (context) => {
      const upstream = context.gradient(0)!
      return [
        context.needs(0) ? context.emit.op(op, [upstream, context.inputs[1]]) : undefined,
        context.needs(1) ? byOutput(context, upstream) : undefined,
      ]
    },
  }) as const satisfies OpDefinition

/** Activation functions: unary elementwise ops, and the gradients that work from their outputs. */
export const activations = {
  Relu: {
    ...activation(13, 'relu', {}, ({ emit, outputs }, dy) => emit.op('lanewise.ReluGradient', [dy, outputs[0]])),
    infer: sameAsInput,
  },
  LeakyRelu: activation(6, 'leakyRelu', { alpha: 0.01 }, ({ emit, inputs, outputs, attributes }, dy) => {
    const alpha = floatAttribute(attributes, 'alpha')
    // The output has the sign of the input unless alpha is negative.
    return emit.where(emit.greater((alpha < 0 ? inputs[0] : outputs[0])!, 0), dy, emit.mul(dy, alpha))
  }),
  Elu: activation(6, 'elu', { alpha: 1 }, ({ emit, inputs, outputs, attributes }, dy) => {
    const alpha = floatAttribute(attributes, 'alpha')
    const positive = emit.greater((alpha < 0 ? inputs[0] : outputs[0])!, 0)
    return emit.where(positive, dy, emit.mul(dy, emit.add(outputs[0], alpha)))
  }),
  Selu: activation(6, 'selu', { alpha: SELU_ALPHA, gamma: SELU_GAMMA }, ({ emit, inputs, outputs, attributes }, dy) => {
    const [alpha, gamma] = [floatAttribute(attributes, 'alpha'), floatAttribute(attributes, 'gamma')]
    const positive = emit.greater((alpha < 0 || gamma < 0 ? inputs[0] : outputs[0])!, 0)
    return emit.where(positive, emit.mul(dy, gamma), emit.mul(dy, emit.add(outputs[0], alpha * gamma)))
  }),
  Celu: activation(12, 'celu', { alpha: 1 }, ({ emit, inputs, outputs, attributes }, dy) => {
    const slope = emit.add(emit.div(outputs[0], floatAttribute(attributes, 'alpha')), 1)
    return emit.where(emit.greater(inputs[0]!, 0), dy, emit.mul(dy, slope))
  }),
  Softplus: activation(1, 'softplus', {}, ({ emit, inputs }, dy) => emit.mul(dy, emit.sigmoid(inputs[0]!))),
  Softsign: activation(1, 'softsign', {}, ({ emit, outputs }, dy) =>
    emit.mul(dy, emit.square(emit.sub(1, emit.abs(outputs[0])))),
  ),
  Sigmoid: activation(13, 'sigmoid', {}, ({ emit, outputs }, dy) =>
    emit.op('lanewise.SigmoidGradient', [dy, outputs[0]]),
  ),
  HardSigmoid: activation(6, 'hardSigmoid', { alpha: 0.2, beta: 0.5 }, ({ emit, outputs, attributes }, dy) => {
    const inside = emit.and(emit.greater(outputs[0], 0), emit.less(outputs[0], 1))
    return emit.where(inside, emit.mul(dy, floatAttribute(attributes, 'alpha')), 0)
  }),
  HardSwish: activation(14, 'hardSwish', {}, ({ emit, inputs }, dy) => {
    const x = inputs[0]!
    const inside = emit.where(
      emit.less(emit.abs(x), 3),
      emit.add(emit.div(x, 3), 0.5),
      emit.cast(emit.greater(x, 0), x.dtype as NumericDType),
    )
    return emit.mul(dy, inside)
  }),
  Tanh: activation(13, 'tanh', {}, ({ emit, outputs }, dy) => emit.op('lanewise.TanhGradient', [dy, outputs[0]])),
  ThresholdedRelu: activation(10, 'thresholdedRelu', { alpha: 1 }, ({ emit, inputs, attributes }, dy) =>
    emit.where(emit.greater(inputs[0]!, floatAttribute(attributes, 'alpha')), dy, 0),
  ),
  Mish: {
    ...activation(18, 'mish', {}, ({ emit, inputs }, dy) => {
      const x = inputs[0]!
      const squashed = emit.tanh(emit.softplus(x))
      const curved = emit.mul(emit.mul(x, emit.sigmoid(x)), emit.sub(1, emit.square(squashed)))
      return emit.mul(dy, emit.add(squashed, curved))
    }),
    decompose: (emit, node) => [emit.mul(node.inputs[0]!, emit.tanh(emit.softplus(node.inputs[0]!)))],
  },
  /** x * sigmoid(alpha x); SiLU where alpha is 1. */
  Swish: {
    ...activation(24, 'swish', { alpha: 1 }, ({ emit, inputs, outputs, attributes }, dy) => {
      const alpha = floatAttribute(attributes, 'alpha')
      const gate = emit.sigmoid(emit.mul(inputs[0]!, alpha))
      return emit.mul(dy, emit.add(gate, emit.mul(emit.mul(outputs[0], alpha), emit.sub(1, gate))))
    }),
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
    gradient: ({ emit, inputs, attributes, gradient }) => {
      const x = inputs[0]!
      const square = emit.square(x)
      if (stringAttribute(attributes, 'approximate') === 'tanh') {
        const scale = Math.sqrt(2 / Math.PI)
        const squashed = emit.tanh(emit.mul(emit.mul(x, scale), emit.add(emit.mul(square, 0.044715), 1)))
        const inner = emit.mul(emit.add(emit.mul(square, 3 * 0.044715), 1), scale)
        const curved = emit.mul(emit.mul(x, emit.sub(1, emit.square(squashed))), inner)
        return [emit.mul(gradient(0)!, emit.mul(emit.add(emit.add(squashed, 1), curved), 0.5))]
      }
      const distribution = emit.mul(emit.add(emit.op('Erf', [emit.mul(x, Math.SQRT1_2)]), 1), 0.5)
      const density = emit.mul(emit.exp(emit.mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return [emit.mul(gradient(0)!, emit.add(distribution, emit.mul(x, density)))]
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
    gradient: ({ emit, inputs, gradient, needs }) => {
      const [x, slope] = inputs as [Value, Value]
      const dy = gradient(0)!
      const positive = emit.greater(x, 0)
      return [
        needs(0) ? emit.where(positive, dy, emit.mul(dy, slope)) : undefined,
        needs(1) ? emit.where(positive, 0, emit.mul(dy, x)) : undefined,
      ]
    },
  },
  /** Limits x to [min, max], both optional scalars; the gradient passes at the limits themselves. */
  Clip: {
    since: 13,
    inputs: [1, 3],
    outputs: [1, 1],
    traits: { elementwise: true, activation: 'clip', inPlace: [0] },
    infer: (context) => {
      sameDType(context.inputs.filter((input) => input !== undefined))
      return sameAsInput(context)
    },
    gradient: ({ emit, inputs, gradient }) => {
      const [x, low, high] = inputs
      const bounds = [...(low ? [emit.greaterOrEqual(x!, low)] : []), ...(high ? [emit.lessOrEqual(x!, high)] : [])]
      return [bounds.length ? emit.where(bounds.reduce(emit.and), gradient(0)!, 0) : gradient(0)]
    },
  },
  /** (dy, y) -> dy where y > 0, else 0. */
  'lanewise.ReluGradient': fromOutput(() => undefined, 'lanewise.ReluGradient'),
  /** (dy, y) -> dy y (1 - y). */
  'lanewise.SigmoidGradient': fromOutput(
    ({ emit, inputs }, upstream) => emit.mul(emit.mul(upstream, inputs[0]!), emit.sub(1, emit.mul(inputs[1]!, 2))),
    'lanewise.SigmoidGradient',
  ),
  /** (dy, y) -> dy (1 - y^2). */
  'lanewise.TanhGradient': fromOutput(
    ({ emit, inputs }, upstream) => emit.mul(emit.mul(upstream, inputs[0]!), emit.mul(inputs[1]!, -2)),
    'lanewise.TanhGradient',
  ),
} as const satisfies Record<string, OpDefinition>
