import type { Node } from '../../../core/ir.js'
import { intsAttribute } from '../../../ops/definition.js'
import { sum_parts_f32 } from '../gen/gemm-tn.js'
import { pooled_weight_gradient_f32 } from '../gen/training-pooled-weight-gradient.js'
import { frameImages, geometryOf, padFrame, shapeOf } from './frame.js'
import { ceilDiv, floatBytes, isFloat32, minimumTileWork, type NodePlan, Workspace } from './gemm.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'
import { fromPlan } from './matmul.js'
import { cut } from './tiles.js'

/** Bytes of patches, places and gradients that are worked on at a time: they stay in the first-level cache. */
const BLOCK_BYTES = 24 * 1024
/** Tiles to aim at: each has a dw of its own. */
const WANTED_TILES = 16
/** Taps below which there is more to find than to add. */
const LEAST_DEPTH = 8

const aligned = (bytes: number): number => ceilDiv(bytes + 64, 64) * 64

/** How a node is cut, and what a thread holds of it. */
function layoutOf(node: Node) {
  const [x, dy] = node.inputs
  const g = geometryOf(node, x!, node.outputs[0], dy!)
  const [poolH, poolW] = intsAttribute(node.attributes, 'pool_shape')!
  const [, outH, outW] = shapeOf(dy!)
  const run = g.kernelX * g.channels
  const depth = g.kernelY * run
  const vectors = ceilDiv(depth, 4)
  const patchBytes = vectors * 16
  const foundBytes = ceilDiv(g.outputs, 4) * 16
  const rowBytes = outW * (poolH * poolW * patchBytes + 2 * foundBytes)
  const blockRows = Math.max(1, Math.min(outH, Math.floor(BLOCK_BYTES / Math.max(1, rowBytes))))
  const sumBytes = (vectors + 6) * 16
  const found = aligned(g.outputs * sumBytes)
  const patches = found + aligned(blockRows * outW * foundBytes)
  const windows = patches + aligned(blockRows * outW * poolH * poolW * patchBytes + 128)
  const bytes = windows + aligned(poolH * poolW * 4)
  return {
    g,
    poolH,
    poolW,
    outH,
    outW,
    run,
    depth,
    patchBytes,
    foundBytes,
    sumBytes,
    blockRows,
    found,
    patches,
    windows,
    bytes,
  }
}

function plan(node: Node): NodePlan {
  const [x, dy, places] = node.inputs
  const dw = node.outputs[0]
  const { g, run, depth, outH, outW, blockRows, found, patches, windows, bytes: _, ...fields } = layoutOf(node)
  const frame = padFrame(g)
  const framed = frameImages(g.images, g.height, g.width, g.channels, frame)
  const space = new Workspace()
  const frameOffset = framed.bytes > 0 ? space.take(framed.bytes) : 0
  const size = depth * g.outputs
  const blocks = g.images * ceilDiv(outH, blockRows)
  const work = g.images * outH * outW * size
  const chunkBlocks = Math.max(1, ceilDiv(blocks, work < minimumTileWork ? 1 : WANTED_TILES))
  const tiles = Math.max(1, ceilDiv(blocks, chunkBlocks))
  const partBytes = aligned(size * floatBytes)
  const parts = tiles > 1 ? space.take(tiles * partBytes) : 0
  const sum = cut(size, 2048)
  const pixel = g.channels * floatBytes
  return {
    workspaceBytes: space.bytes,
    calls: ({ address, workspace, scratch }) => {
      const base = scratch()
      const target = tiles > 1 ? workspace + parts : address(dw)
      const calls = [
        ...framed.calls(address(x!), workspace + frameOffset),
        pooled_weight_gradient_f32(
          {
            x: framed.bytes > 0 ? workspace + frameOffset : address(x!),
            dy: address(dy!),
            places: address(places!),
            dw: target,
            images: g.images,
            outH,
            outW,
            outputs: g.outputs,
            ...fields,
            imageStride: frame.height * frame.width * pixel,
            rowStride: g.strideY * frame.width * pixel,
            pixelStride: g.strideX * pixel,
            kernelY: g.kernelY,
            tapRowStride: g.dilationY * frame.width * pixel,
            run,
            depth,
            blockRows,
            chunkBlocks,
            partBytes,
            sums: base,
            found: base + found,
            patches: base + patches,
            windows: base + windows,
            scratchBytes: SCRATCH_BYTES,
          },
          tiles,
        ),
      ]
      if (tiles > 1)
        calls.push(
          sum_parts_f32({ x: target, y: address(dw), size, parts: tiles, partBytes, chunk: sum.chunk }, sum.tiles),
        )
      return calls
    },
  }
}

export const pooledWeightGradientLowerings = {
  'lanewise.MaxPooledConvWeightGradientNhwc': {
    ...fromPlan(plan),
    accelerates(node) {
      const [x, dy] = node.inputs
      if (!isFloat32({ ...node, inputs: [x, dy] }) || x!.shape.length !== 4) return false
      const { g, depth, bytes } = layoutOf(node)
      return g.group === 1 && g.dilationX === 1 && depth >= LEAST_DEPTH && bytes <= SCRATCH_BYTES
    },
  },
} as const satisfies Record<string, Lowering>
