import { concrete, sizeOf } from '../../core/shape.js'
import { explicitWindow } from '../../ops/window.js'
import type { GradientRules } from '../rule.js'

export const poolRules: GradientRules = {
  MaxPool: ({ emit, node, inputs, outputs, gradient }) => [
    gradient(0) && emit.op('lanewise.MaxPoolGradient', [gradient(0), inputs[0], outputs[0]], explicitWindow(node)),
  ],
  GlobalMaxPool: ({ emit, node, inputs: [x], outputs: [y], gradient }) => {
    const kernel = concrete(x!.shape.slice(2), `the input of ${node.name}`)
    return [emit.op('lanewise.MaxPoolGradient', [gradient(0), x, y], { kernel_shape: kernel })]
  },
  AveragePool: ({ emit, node, inputs, gradient }) => [
    emit.op('lanewise.AveragePoolGradient', [gradient(0)], {
      ...explicitWindow(node),
      input_shape: concrete(inputs[0]!.shape, `the input of ${node.name}`),
    }),
  ],
  GlobalAveragePool: ({ emit, node, inputs, gradient }) => {
    const shape = concrete(inputs[0]!.shape, `the input of ${node.name}`)
    return [emit.expand(emit.div(gradient(0)!, sizeOf(shape.slice(2))), shape)]
  },
  'lanewise.AveragePoolGradient': ({ emit, attributes: { input_shape, ...attributes }, gradient }) => [
    emit.op('AveragePool', [gradient(0)], attributes),
  ],
}
