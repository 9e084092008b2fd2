import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { floatAttribute, stringAttribute } from '../../ops/definition.js'
import { type GradientContext, type GradientRule, type GradientRules, ofUnary } from '../rule.js'

/** Of a gradient that works from the activation's output y: linear in dy, `byY` tells how it changes with y. */
const fromOutput =
  (op: string, byY: (context: GradientContext, upstream: Value) => Value | undefined): GradientRule =>
  (context) => {
    const upstream = context.gradient(0)!
    return [
      context.needs(0) ? context.emit.op(op, [upstream, context.inputs[1]]) : undefined,
      context.needs(1) ? byY(context, upstream) : undefined,
    ]
  }

export const activationRules: GradientRules = {
  Relu: ofUnary(({ emit, outputs }, dy) => emit.op('lanewise.ReluGradient', [dy, outputs[0]])),
  LeakyRelu: ofUnary(({ emit, inputs, outputs, attributes }, dy) => {
    const alpha = floatAttribute(attributes, 'alpha')
    // The output has the sign of the input unless alpha is negative.
    return emit.where(emit.greater((alpha < 0 ? inputs[0] : outputs[0])!, 0), dy, emit.mul(dy, alpha))
  }),
  Elu: ofUnary(({ emit, inputs, outputs, attributes }, dy) => {
    const alpha = floatAttribute(attributes, 'alpha')
    const positive = emit.greater((alpha < 0 ? inputs[0] : outputs[0])!, 0)
    return emit.where(positive, dy, emit.mul(dy, emit.add(outputs[0], alpha)))
  }),
  Selu: ofUnary(({ emit, inputs, outputs, attributes }, dy) => {
    const [alpha, gamma] = [floatAttribute(attributes, 'alpha'), floatAttribute(attributes, 'gamma')]
    const positive = emit.greater((alpha < 0 || gamma < 0 ? inputs[0] : outputs[0])!, 0)
    return emit.where(positive, emit.mul(dy, gamma), emit.mul(dy, emit.add(outputs[0], alpha * gamma)))
  }),
  Celu: ofUnary(({ emit, inputs, outputs, attributes }, dy) => {
    const slope = emit.add(emit.div(outputs[0], floatAttribute(attributes, 'alpha')), 1)
    return emit.where(emit.greater(inputs[0]!, 0), dy, emit.mul(dy, slope))
  }),
  Softplus: ofUnary(({ emit, inputs }, dy) => emit.mul(dy, emit.sigmoid(inputs[0]!))),
  Softsign: ofUnary(({ emit, outputs }, dy) => emit.mul(dy, emit.square(emit.sub(1, emit.abs(outputs[0]))))),
  Sigmoid: ofUnary(({ emit, outputs }, dy) => emit.op('lanewise.SigmoidGradient', [dy, outputs[0]])),
  HardSigmoid: ofUnary(({ emit, outputs, attributes }, dy) => {
    const inside = emit.and(emit.greater(outputs[0], 0), emit.less(outputs[0], 1))
    return emit.where(inside, emit.mul(dy, floatAttribute(attributes, 'alpha')), 0)
  }),
  HardSwish: ofUnary(({ emit, inputs }, dy) => {
    const x = inputs[0]!
    const inside = emit.where(
      emit.less(emit.abs(x), 3),
      emit.add(emit.div(x, 3), 0.5),
      emit.cast(emit.greater(x, 0), x.dtype as NumericDType),
    )
    return emit.mul(dy, inside)
  }),
  Tanh: ofUnary(({ emit, outputs }, dy) => emit.op('lanewise.TanhGradient', [dy, outputs[0]])),
  ThresholdedRelu: ofUnary(({ emit, inputs, attributes }, dy) =>
    emit.where(emit.greater(inputs[0]!, floatAttribute(attributes, 'alpha')), dy, 0),
  ),
  Mish: ofUnary(({ emit, inputs }, dy) => {
    const x = inputs[0]!
    const squashed = emit.tanh(emit.softplus(x))
    const curved = emit.mul(emit.mul(x, emit.sigmoid(x)), emit.sub(1, emit.square(squashed)))
    return emit.mul(dy, emit.add(squashed, curved))
  }),
  Swish: ofUnary(({ emit, inputs, outputs, attributes }, dy) => {
    const alpha = floatAttribute(attributes, 'alpha')
    const gate = emit.sigmoid(emit.mul(inputs[0]!, alpha))
    return emit.mul(dy, emit.add(gate, emit.mul(emit.mul(outputs[0], alpha), emit.sub(1, gate))))
  }),
  Gelu: ofUnary(({ emit, inputs, attributes }, dy) => {
    const x = inputs[0]!
    const square = emit.square(x)
    if (stringAttribute(attributes, 'approximate') === 'tanh') {
      const scale = Math.sqrt(2 / Math.PI)
      const squashed = emit.tanh(emit.mul(emit.mul(x, scale), emit.add(emit.mul(square, 0.044715), 1)))
      const inner = emit.mul(emit.add(emit.mul(square, 3 * 0.044715), 1), scale)
      const curved = emit.mul(emit.mul(x, emit.sub(1, emit.square(squashed))), inner)
      return emit.mul(dy, emit.mul(emit.add(emit.add(squashed, 1), curved), 0.5))
    }
    const distribution = emit.mul(emit.add(emit.op('Erf', [emit.mul(x, Math.SQRT1_2)]), 1), 0.5)
    const density = emit.mul(emit.exp(emit.mul(square, -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return emit.mul(dy, emit.add(distribution, emit.mul(x, density)))
  }),
  PRelu: ({ emit, inputs, gradient, needs }) => {
    const [x, slope] = inputs as [Value, Value]
    const dy = gradient(0)!
    const positive = emit.greater(x, 0)
    return [
      needs(0) ? emit.where(positive, dy, emit.mul(dy, slope)) : undefined,
      needs(1) ? emit.where(positive, 0, emit.mul(dy, x)) : undefined,
    ]
  },
  /** Passes at the limits themselves. */
  Clip: ({ emit, inputs, gradient }) => {
    const [x, low, high] = inputs
    const bounds = [...(low ? [emit.greaterOrEqual(x!, low)] : []), ...(high ? [emit.lessOrEqual(x!, high)] : [])]
    return [bounds.length ? emit.where(bounds.reduce(emit.and), gradient(0)!, 0) : gradient(0)]
  },
  'lanewise.ReluGradient': fromOutput('lanewise.ReluGradient', () => undefined),
  'lanewise.SigmoidGradient': fromOutput('lanewise.SigmoidGradient', ({ emit, inputs }, upstream) =>
    emit.mul(emit.mul(upstream, inputs[0]!), emit.sub(1, emit.mul(inputs[1]!, 2))),
  ),
  'lanewise.TanhGradient': fromOutput('lanewise.TanhGradient', ({ emit, inputs }, upstream) =>
    emit.mul(emit.mul(upstream, inputs[0]!), emit.mul(inputs[1]!, -2)),
  ),
}
