import type { Node } from '../../../core/ir.js'
import { type Activation, activationKinds, epilogueOf } from '../activations.js'
import { depthwise_f32 } from '../gen/depthwise.js'
import type { Geometry } from './frame.js'
import { ceilDiv, minimumTileWork, type NodePlan } from './gemm.js'
import type { LoweringContext } from './lowering.js'

/** Whether each channel has a kernel of its own, and one output. */
export const isDepthwise = ({ group, channels, outputs, top, left }: Geometry): boolean =>
  group > 1 && group === channels && group === outputs && top >= 0 && left >= 0

/** Whether the depthwise kernel takes the gradient by the input: in each direction, taps or columns are neighbours. */
export const hasDepthwiseGradient = (g: Geometry): boolean =>
  isDepthwise(g) && (g.strideY === 1 || g.dilationY === 1) && (g.strideX === 1 || g.dilationX === 1)

const maximumTiles = 64

/** Rows of a tile, where one row takes `rowWork` multiply-adds, and the number of tiles. */
export function rowTiles(rows: number, rowWork: number, most: number) {
  const chunk = Math.max(1, ceilDiv(rows, most), Math.floor(minimumTileWork / Math.max(1, rowWork)))
  return { chunk, tiles: Math.max(1, ceilDiv(rows, chunk)) }
}

/** Clamping activations are limits of the kernel; others run over the finished rows. */
function limitsOf({ activation, alpha, beta }: Activation) {
  const open = { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, activation: 0, alpha: 0, beta: 0 }
  if (activation === activationKinds.relu) return { ...open, lower: 0 }
  if (activation === activationKinds.clip) return { ...open, lower: alpha, upper: beta }
  return { ...open, activation, alpha, beta }
}

export const windowFields = (g: Geometry) => ({
  channels: g.channels,
  kH: g.kernelY,
  kW: g.kernelX,
  sH: g.strideY,
  sW: g.strideX,
  dH: g.dilationY,
  dW: g.dilationX,
  top: g.top,
  left: g.left,
})

/** A depthwise convolution, or the gradient by its input; `g` is the convolution's geometry. */
function slidingPlan(node: Node, g: Geometry, transposed: boolean): NodePlan {
  const [x, w, bias] = node.inputs
  const [y] = node.outputs
  const [height, width] = transposed ? [g.height, g.width] : [g.outHeight, g.outWidth]
  const [inH, inW] = transposed ? [g.outHeight, g.outWidth] : [g.height, g.width]
  const rows = g.images * height
  const { chunk, tiles } = rowTiles(rows, width * g.channels * g.kernelY * g.kernelX, maximumTiles)
  const calls = ({ address }: LoweringContext) => [
    depthwise_f32(
      {
        ...windowFields(g),
        x: address(x!),
        w: address(w!),
        bias: bias ? address(bias) : 0,
        y: address(y),
        rows,
        chunk,
        inH,
        inW,
        outH: height,
        outW: width,
        transposed: transposed ? 1 : 0,
        ...limitsOf(epilogueOf(node)),
      },
      tiles,
    ),
  ]
  return { workspaceBytes: 0, calls }
}

/** y of a depthwise convolution, with bias and activation. */
export const depthwisePlan = (node: Node, g: Geometry): NodePlan => slidingPlan(node, g, false)

/** dx of a depthwise convolution, with bias and activation. */
export const depthwiseInputGradientPlan = (node: Node, g: Geometry): NodePlan => slidingPlan(node, g, true)
