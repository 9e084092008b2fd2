import { concrete, sizeOf } from '../../../core/shape.js'
import { gather_gradient_f32 } from '../gen/training-gather-gradient.js'
import { binary, word } from './binary.js'
import type { Lowering } from './lowering.js'
import { around, axisOf, bytesOf, checkIndices, isIndex } from './movement.js'
import { CHUNK, cut } from './tiles.js'

/** The most tiles of a GatherGradient: each one reads all indices. */
const SCATTER_TILES = 16

/** By its number in `assembly/training/binary.ts`. */
const fromOutput = (operation: number): Lowering =>
  binary((dtype) => (dtype === 'float32' ? word(operation) : undefined))

export const gradientLowerings = {
  'lanewise.ReluGradient': fromOutput(1),
  'lanewise.SigmoidGradient': fromOutput(2),
  'lanewise.TanhGradient': fromOutput(3),

  /** Constant indices out of range are refused here; others are passed over. */
  'lanewise.GatherGradient': {
    accelerates: (node) => node.inputs[0]!.dtype === 'float32' && isIndex(node.inputs[1]!),
    lower(node, { address, constant }) {
      const [dy, indices, dx] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
      const shape = concrete(dx.shape)
      const axis = axisOf(node, shape.length)
      checkIndices(node, indices, shape[axis], constant)
      const { outer, inner } = around(shape, axis)
      const size = sizeOf(shape)
      if (size === 0) return []
      const parts = Math.min(SCATTER_TILES, Math.ceil(size / CHUNK), shape[axis])
      const { chunk, tiles } = cut(shape[axis], Math.ceil(shape[axis] / parts))
      const p = {
        dy: address(dy),
        indices: address(indices),
        dx: address(dx),
        indexBytes: bytesOf(indices),
        outer,
        axis: shape[axis],
        count: sizeOf(concrete(indices.shape)),
        inner,
        chunk,
      }
      return [gather_gradient_f32(p, tiles)]
    },
  },
} as const satisfies Record<string, Lowering>
