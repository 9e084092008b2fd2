import type { Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { sum_parts_f32 } from '../gen/gemm-tn.js'
import { depthwise_weight_gradient_f32 } from '../gen/training-depthwise-gradient.js'
import { rowTiles, windowFields } from './depthwise.js'
import { type Geometry, shapeOf } from './frame.js'
import { ceilDiv, floatBytes, type NodePlan, Workspace } from './gemm.js'
import type { LoweringContext } from './lowering.js'
import { cut } from './tiles.js'

const maximumParts = 16

/** dw of a depthwise convolution: sums over some rows each, which are added in order. */
export function depthwiseWeightGradientPlan(node: Node, g: Geometry): NodePlan {
  const [x, dy] = node.inputs
  const [dw] = node.outputs
  const rows = g.images * g.outHeight
  const { chunk, tiles } = rowTiles(rows, g.outWidth * g.channels * g.kernelY * g.kernelX, maximumParts)
  const size = sizeOf(shapeOf(dw))
  const partBytes = ceilDiv(size * floatBytes, 64) * 64
  const space = new Workspace()
  const partsOffset = tiles > 1 ? space.take(tiles * partBytes) : 0
  const sum = cut(size, 2048)
  const calls = ({ address, workspace }: LoweringContext) => {
    const parts = tiles > 1 ? workspace + partsOffset : address(dw)
    const shape = { rows, chunk, inH: g.height, inW: g.width, outH: g.outHeight, outW: g.outWidth }
    const pointers = { x: address(x!), dy: address(dy!), dw: parts, partBytes }
    const gradient = depthwise_weight_gradient_f32({ ...windowFields(g), ...shape, ...pointers }, tiles)
    if (tiles === 1) return [gradient]
    const adding = { x: parts, y: address(dw), size, parts: tiles, partBytes, chunk: sum.chunk }
    return [gradient, sum_parts_f32(adding, sum.tiles)]
  }
  return { workspaceBytes: space.bytes, calls }
}
