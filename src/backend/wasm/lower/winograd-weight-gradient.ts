import type { Value } from '../../../core/ir.js'
import { sum_parts_f32 } from '../gen/gemm-tn.js'
import { winograd_weight_gradient_f32 } from '../gen/training-winograd-weight-gradient.js'
import type { Geometry } from './frame.js'
import { ceilDiv, floatBytes, type NodePlan, Workspace } from './gemm.js'
import { SCRATCH_BYTES } from './lowering.js'
import { cut } from './tiles.js'
import { seesImage, suitsWinograd, TRANSFORM_COST } from './winograd.js'

const tile = 4
const matrices = 36
/** Bytes of the sums of a tile, and of its transformed patches, which share the second-level cache with what comes and goes. */
const SUM_BYTES = 160 * 1024
const PATCH_BYTES = 288 * 1024
const BLOCK_BYTES = 256
/** Patches below which reading and writing the sums outweighs what is added to them. */
const LEAST_PATCHES = 16
/** Tiles to aim at, and the least patches of one: each ends with a transform of its sums. */
const WANTED_TILES = 16
const LEAST_CHUNK = 64

const aligned = (bytes: number): number => ceilDiv(bytes + 64, 64) * 64

interface Cut {
  /** Outputs of a tile, a multiple of 4. */
  readonly outputs: number
  /** Patches that are transformed at a time, and those of a tile. */
  readonly patches: number
  readonly chunk: number
  readonly total: number
}

function cutOf({ images, channels, outputs, outHeight, outWidth }: Geometry): Cut {
  const total = images * ceilDiv(outHeight, tile) * ceilDiv(outWidth, tile)
  const most = Math.floor(SUM_BYTES / (matrices * channels * floatBytes * 8)) * 8
  const blocks = ceilDiv(outputs, Math.max(4, most))
  const block = ceilDiv(ceilDiv(outputs, blocks), 4) * 4
  const chunk = Math.max(LEAST_CHUNK, ceilDiv(total, ceilDiv(WANTED_TILES, blocks)))
  const fitting = Math.floor(PATCH_BYTES / (matrices * (channels + block) * floatBytes))
  const patches = ceilDiv(chunk, ceilDiv(chunk, Math.max(1, fitting)))
  return { outputs: block, patches, chunk, total }
}

/** Whether the gradient by the weights of `g` goes by Winograd's F(4x4, 3x3), and gains by it. */
export function suitsWinogradWeightGradient(g: Geometry): boolean {
  if (!suitsWinograd(g) || g.channels % 4 !== 0 || g.outputs % 4 !== 0 || !seesImage(g)) return false
  const { outputs, patches, total } = cutOf(g)
  const products = total * g.channels * g.outputs
  const transforms = total * TRANSFORM_COST * (g.channels * ceilDiv(g.outputs, outputs) + g.outputs)
  const direct = 9 * g.images * g.outHeight * g.outWidth * g.channels * g.outputs
  return patches >= LEAST_PATCHES && total >= LEAST_CHUNK && matrices * (products + transforms) < direct
}

/** dw from x and dy. */
export function winogradWeightGradientPlan(g: Geometry, x: Value, dy: Value, dw: Value): NodePlan {
  const { channels, outputs, outHeight, outWidth, height, width, top, left } = g
  const block = cutOf(g)
  const chunks = ceilDiv(block.total, block.chunk)
  const size = 9 * channels * outputs
  const partBytes = aligned(size * floatBytes)
  const sum = cut(size, 2048)
  const space = new Workspace()
  const parts = chunks > 1 ? space.take(chunks * partBytes) : 0
  const matrixBytes = aligned(block.patches * channels * floatBytes)
  const v = BLOCK_BYTES
  const z = v + matrices * matrixBytes
  const sums = z + aligned(matrices * block.patches * block.outputs * floatBytes)
  return {
    workspaceBytes: space.bytes,
    calls: ({ address, workspace, scratch }) => {
      const base = scratch()
      const calls = [
        winograd_weight_gradient_f32(
          {
            ldb: 0,
            panelStride: 8 * floatBytes,
            ldc: 0,
            outer: 1,
            outerStride: 0,
            inner: 1,
            innerStride: 0,
            run: 0,
            lower: Number.NEGATIVE_INFINITY,
            x: address(x),
            v: base + v,
            first: 0,
            count: 0,
            patches: block.patches,
            patchesY: ceilDiv(outHeight, tile),
            patchesX: ceilDiv(outWidth, tile),
            height,
            width,
            channels,
            top,
            left,
            matrixBytes,
            dy: address(dy),
            dw: chunks > 1 ? workspace + parts : address(dw),
            z: base + z,
            sums: base + sums,
            outHeight,
            outWidth,
            outputs,
            blockOutputs: block.outputs,
            total: block.total,
            chunkPatches: block.chunk,
            partBytes,
            scratch: base,
            scratchBytes: SCRATCH_BYTES,
          },
          chunks * ceilDiv(outputs, block.outputs),
        ),
      ]
      if (chunks > 1)
        calls.push(
          sum_parts_f32(
            { x: workspace + parts, y: address(dw), size, parts: chunks, partBytes, chunk: sum.chunk },
            sum.tiles,
          ),
        )
      return calls
    },
  }
}
