import type { Node } from '../../../core/ir.js'
import { intsAttribute } from '../../../ops/definition.js'
import { activationKinds, epilogueOf } from '../activations.js'
import { pooled_conv_f32 } from '../gen/pooled-conv.js'
import { type Framed, frameImages, type Geometry, geometryOf, padFrame, shapeOf } from './frame.js'
import { ceilDiv, epilogueFields, floatBytes, isFloat32, minimumTileWork } from './gemm.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'

/** Pixels of a row that are worked on at a time. */
const LEAST_WIDTH = 8
const MOST_TILES = 64

/** The convolution's geometry, and its pool's windows. */
function geometry(node: Node) {
  const [x, w] = node.inputs
  const [poolH, poolW] = intsAttribute(node.attributes, 'pool_shape')!
  const g = geometryOf(node, x!, w!, node.outputs[0])
  const size = (length: number, pads: number, kernel: number, dilation: number, stride: number) =>
    Math.floor((length + pads - (kernel - 1) * dilation - 1) / stride) + 1
  const width = size(g.width, g.left + g.right, g.kernelX, g.dilationX, g.strideX)
  return { g, width, poolH, poolW }
}

const framesOf = (g: Geometry): Framed => frameImages(g.images, g.height, g.width, g.channels, padFrame(g))

/** Float32 images of one channel, at stride 1 along rows. */
const maxPooledConv: Lowering = {
  accelerates(node) {
    const y = node.outputs[0]
    if (!isFloat32({ ...node, outputs: [y] }) || node.inputs[0]!.shape.length !== 4) return false
    const { g, width, poolH } = geometry(node)
    const plain = g.channels === 1 && g.group === 1 && g.strideX === 1 && g.dilationX === 1
    return plain && width >= LEAST_WIDTH && poolH * width * g.outputs * floatBytes + 64 <= SCRATCH_BYTES
  },
  workspace: (node) => framesOf(geometry(node).g).bytes,
  lower(node, { address, workspace, scratch }) {
    const [x, w, bias] = node.inputs
    const [y, places] = node.outputs
    const { g, width, poolH, poolW } = geometry(node)
    const frame = padFrame(g)
    const framed = framesOf(g)
    const [images, outH, outW, outputs] = shapeOf(y)
    const rows = images * outH
    const work = rows * poolH * width * outputs * g.kernelY * g.kernelX
    const chunk = Math.max(1, ceilDiv(rows, Math.max(1, Math.min(MOST_TILES, Math.floor(work / minimumTileWork)))))
    const line = frame.width * floatBytes
    return [
      ...framed.calls(address(x!), workspace),
      pooled_conv_f32(
        {
          x: framed.bytes > 0 ? workspace : address(x!),
          w: address(w!),
          y: address(y),
          bias: bias ? address(bias) : 0,
          places: places ? address(places) : 0,
          lines: scratch(),
          scratchBytes: SCRATCH_BYTES,
          rows,
          chunk,
          outH,
          outW,
          width,
          outputs,
          poolH,
          poolW,
          kernelY: g.kernelY,
          kernelX: g.kernelX,
          imageStride: frame.height * line,
          rowStride: g.strideY * line,
          tapRowStride: g.dilationY * line,
          ...epilogueFields(epilogueOf(node), activationKinds.relu),
        },
        ceilDiv(rows, chunk),
      ),
    ]
  },
}

export const pooledConvLowerings = {
  'lanewise.MaxPooledConvNhwc': maxPooledConv,
} as const satisfies Record<string, Lowering>
