import type { Value } from '../../core/ir.js'
import { unsqueeze } from '../../ops/compose.js'
import { intAttribute } from '../../ops/definition.js'
import type { GradientRules } from '../rule.js'

export const softmaxRules: GradientRules = {
  Softmax: ({ emit, outputs, attributes, gradient }) => [
    emit.op('lanewise.SoftmaxGradient', [gradient(0), outputs[0]], { axis: attributes.axis }),
  ],
  LogSoftmax: ({ emit, outputs, attributes, gradient }) => {
    const dy = gradient(0)!
    const total = emit.sum(dy, [intAttribute(attributes, 'axis')], true)
    return [emit.sub(dy, emit.mul(emit.exp(outputs[0]), total))]
  },
  'lanewise.SoftmaxGradient': ({ emit, inputs, attributes, gradient, needs }) => {
    const upstream = gradient(0)!
    const [dy, y] = inputs as [Value, Value]
    const axis = intAttribute(attributes, 'axis')
    const sumOf = (a: Value, b: Value) => emit.sum(emit.mul(a, b), [axis], true)
    return [
      needs(0) ? emit.op('lanewise.SoftmaxGradient', [upstream, y], { axis }) : undefined,
      needs(1) ? emit.sub(emit.mul(upstream, emit.sub(dy, sumOf(dy, y))), emit.mul(dy, sumOf(upstream, y))) : undefined,
    ]
  },
  'lanewise.SoftmaxCrossEntropy': ({ emit, inputs, outputs, gradient, needs }) => {
    const [dLoss, dProbabilities] = [gradient(0), gradient(1)]
    const [logits, target] = inputs as [Value, Value]
    const byLoss =
      dLoss && needs(0) ? emit.op('lanewise.SoftmaxCrossEntropyGradient', [dLoss, outputs[1], target]) : undefined
    const byProbabilities =
      dProbabilities && needs(0) ? emit.op('lanewise.SoftmaxGradient', [dProbabilities, outputs[1]]) : undefined
    return [
      byLoss && byProbabilities ? emit.add(byLoss, byProbabilities) : (byLoss ?? byProbabilities),
      dLoss && needs(1) ? emit.neg(emit.mul(unsqueeze(emit, dLoss, -1), emit.logSoftmax(logits))) : undefined,
    ]
  },
}
