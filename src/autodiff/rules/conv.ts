import type { Attributes, Value } from '../../core/ir.js'
import { concrete, type Shape } from '../../core/shape.js'
import { transposedWindow } from '../../ops/conv-transpose.js'
import type { Emitter } from '../../ops/emitter.js'
import { explicitWindow } from '../../ops/window.js'
import type { GradientContext, GradientRules } from '../rule.js'

/** Sum over every axis but the channels, 1. */
const channelSum = ({ emit, gradient }: GradientContext) => {
  const dy = gradient(0)!
  return emit.sum(
    dy,
    dy.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  )
}

/** Attributes of a Conv that shares the window of a gradient node. */
const asConv = ({ input_shape, weight_shape, ...attributes }: Attributes): Attributes => attributes

const byInput = (emit: Emitter, dy: Value, w: Value, window: Attributes, shape: Shape, what?: string): Value =>
  emit.op('lanewise.ConvInputGradient', [dy, w], { ...window, input_shape: concrete(shape, what) })

const byWeight = (emit: Emitter, x: Value, dy: Value, window: Attributes, shape: Shape, what?: string): Value =>
  emit.op('lanewise.ConvWeightGradient', [x, dy], { ...window, weight_shape: concrete(shape, what) })

export const convRules: GradientRules = {
  Conv: (context) => {
    const { emit, node, gradient, needs } = context
    const [x, w] = context.inputs as [Value, Value]
    const dy = gradient(0)!
    const window = explicitWindow(node)
    return [
      needs(0) ? byInput(emit, dy, w, window, x.shape, `the input of ${node.name}`) : undefined,
      needs(1) ? byWeight(emit, x, dy, window, w.shape, `the weight of ${node.name}`) : undefined,
      needs(2) ? channelSum(context) : undefined,
    ]
  },
  ConvTranspose: (context) => {
    const { emit, node, gradient, needs } = context
    const [x, w] = context.inputs as [Value, Value]
    const dy = gradient(0)!
    const { attributes: window } = transposedWindow(node.attributes, x.shape, w.shape)
    return [
      needs(0) ? emit.op('Conv', [dy, w], window) : undefined,
      needs(1) ? byWeight(emit, dy, x, window, w.shape, `the weight of ${node.name}`) : undefined,
      needs(2) ? channelSum(context) : undefined,
    ]
  },
  'lanewise.ConvInputGradient': ({ emit, inputs, attributes, gradient, needs }) => {
    const [dy, w] = inputs as [Value, Value]
    const ddx = gradient(0)!
    const window = asConv(attributes)
    return [
      needs(0) ? emit.op('Conv', [ddx, w], window) : undefined,
      needs(1) ? byWeight(emit, ddx, dy, window, w.shape) : undefined,
    ]
  },
  'lanewise.ConvWeightGradient': ({ emit, inputs, attributes, gradient, needs }) => {
    const [x, dy] = inputs as [Value, Value]
    const ddw = gradient(0)!
    const window = asConv(attributes)
    return [
      needs(0) ? byInput(emit, dy, ddw, window, x.shape) : undefined,
      needs(1) ? emit.op('Conv', [x, ddw], window) : undefined,
    ]
  },
}
