import { concrete } from '../../core/shape.js'
import { byOutput, type GradientRules } from '../rule.js'

/** The gradient, back in the input's shape. */
const reshapeBack = byOutput(({ emit, node, inputs }, dy) => [
  emit.reshape(dy, concrete(inputs[0]!.shape, `the input of ${node.name}`)),
])

export const viewRules: GradientRules = {
  Reshape: reshapeBack,
  Flatten: reshapeBack,
  Squeeze: reshapeBack,
  Unsqueeze: reshapeBack,
}
