import { concrete, sizeOf } from '../../../core/shape.js'
import {
  softmax_cross_entropy_f32,
  softmax_cross_entropy_gradient_f32,
  softmax_gradient_f32,
} from '../gen/training-softmax-gradient.js'
import type { Lowering } from './lowering.js'
import { isFloat32, linesOf } from './softmax.js'

/** Cross-entropy of float32, its gradient and that of Softmax. */
export const crossEntropyLowerings = {
  'lanewise.SoftmaxGradient': {
    accelerates: isFloat32,
    lower({ inputs, outputs, attributes }, { address }) {
      const { outer, length, inner, chunk, tiles, empty } = linesOf(inputs[0]!, attributes['axis'] as number)
      if (empty) return []
      const addresses = { dy: address(inputs[0]!), y: address(inputs[1]!), dx: address(outputs[0]) }
      return [softmax_gradient_f32({ ...addresses, outer, length, inner, chunk }, tiles)]
    },
  },
  'lanewise.SoftmaxCrossEntropy': {
    accelerates: (node) => isFloat32(node) && sizeOf(concrete(node.inputs[0]!.shape)) > 0,
    lower({ inputs, outputs }, { address }) {
      const { outer: rows, length, chunk, tiles } = linesOf(inputs[0]!, -1)
      const addresses = { logits: address(inputs[0]!), target: address(inputs[1]!), loss: address(outputs[0]) }
      const probabilities = address(outputs[1])
      return [softmax_cross_entropy_f32({ ...addresses, probabilities, rows, length, chunk }, tiles)]
    },
  },
  'lanewise.SoftmaxCrossEntropyGradient': {
    accelerates: isFloat32,
    lower({ inputs, outputs }, { address }) {
      const { outer: rows, length, chunk, tiles, empty } = linesOf(inputs[1]!, -1)
      if (empty) return []
      const [dloss, probabilities, target] = inputs.map((value) => address(value!))
      const params = { dloss, probabilities, target, dx: address(outputs[0]), rows, length, chunk }
      return [softmax_cross_entropy_gradient_f32(params, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
