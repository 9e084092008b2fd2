import type { Attributes } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { type Activation, unaryOperations } from '../activations.js'
import { kernels } from '../gen/kernels.js'
import type { Lowering } from './lowering.js'
import { cut } from './tiles.js'

const unary = (operation: (attributes: Attributes) => Activation): Lowering => ({
  accelerates: ({ inputs }) => inputs[0]!.dtype === 'float32',
  lower({ inputs, outputs, attributes }, { address }) {
    const size = sizeOf(concrete(outputs[0].shape))
    if (size === 0) return []
    const { activation, alpha, beta } = operation(attributes)
    const { chunk, tiles } = cut(size)
    return [
      kernels.unary_f32(
        { x: address(inputs[0]!), y: address(outputs[0]), size, chunk, kind: activation, alpha, beta },
        tiles,
      ),
    ]
  },
})

/** ONNX's unary float32 ops. */
export const unaryLowerings = Object.fromEntries(
  Object.entries(unaryOperations).map(([op, operation]) => [op, unary(operation)]),
) as Record<keyof typeof unaryOperations, Lowering>
