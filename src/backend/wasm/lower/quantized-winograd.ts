import type { ConstantOf } from '../../../core/ir.js'
import { limits } from '../../../ops/granularity.js'
import type { KernelCall } from '../gen/kernels.js'
import { gemm_i16 } from '../gen/rare-gemm-i16.js'
import { winograd_input_i16, winograd_output_i16, winograd_weights_i16 } from '../gen/rare-winograd-i16.js'
import type { Geometry } from './frame.js'
import { ceilDiv, floatBytes, type NodePlan, panelBytes, slabColumns, tilingOf, Workspace } from './gemm.js'
import type { LoweringContext } from './lowering.js'
import { prepareOperand } from './prepared.js'
import { type Convolution, framedLeft, int16Bytes, isSigned, multipliersCall, zerosOf } from './quantized-operands.js'

/** Numbers of a 4 x 4 patch, one matrix product each. */
const MATRICES = 16
/** Bytes of transformed patches and their products that stay in the second-level cache from call to call. */
const CHUNK_BYTES = 768 * 1024
/** Elements that a tile of a transform writes or reads. */
const TRANSFORM_ELEMENTS = 8192
/** Below so many channels or outputs the transforms outweigh the products that they save. */
const LEAST_CHANNELS = 16
/** Up to so many channels 4 * 9 * 255 * 255 a channel stays below 2^31. */
const MOST_CHANNELS = 896

/** Whether `g` is a convolution that Winograd's F(2x2, 3x3) on integers takes, exactly, and that gains by it. */
export const suitsIntegerWinograd = (g: Geometry): boolean =>
  g.kernelY === 3 &&
  g.kernelX === 3 &&
  g.group === 1 &&
  [g.strideY, g.strideX, g.dilationY, g.dilationX].every((size) => size === 1) &&
  g.channels % 8 === 0 &&
  g.outputs % 8 === 0 &&
  g.channels >= LEAST_CHANNELS &&
  g.channels <= MOST_CHANNELS &&
  g.outputs >= LEAST_CHANNELS &&
  g.outHeight >= 4 &&
  g.outWidth >= 4

const aligned = (bytes: number): number => ceilDiv(bytes + 64, 64) * 64

/** A quantized convolution: frames, then for one chunk of patches after the other input, products, output. */
export function integerWinogradPlan(g: Geometry, convolution: Convolution, constant: ConstantOf): NodePlan {
  const { x, b, y, bias, scale } = convolution
  const { channels, outputs } = g
  const [patchesY, patchesX] = [ceilDiv(g.outHeight, 2), ceilDiv(g.outWidth, 2)]
  const patches = g.images * patchesY * patchesX
  const frame = { height: 2 * patchesY + 2, width: 2 * patchesX + 2, top: g.top, left: g.left, strideY: 1, strideX: 1 }
  const left = framedLeft(g, x, frame)
  const fitting = Math.floor(CHUNK_BYTES / (MATRICES * (channels * int16Bytes + outputs * floatBytes)))
  const chunk = ceilDiv(ceilDiv(patches, ceilDiv(patches, Math.max(16, fitting))), 4) * 4
  const depth = channels / 2
  const weightBytes = panelBytes(depth, outputs)
  const [inputBytes, outputBytes] = [aligned(chunk * channels * int16Bytes), aligned(chunk * outputs * floatBytes)]
  const zeros = zerosOf(b.zero, constant)
  const fields = { k: channels, n: outputs, matrixBytes: weightBytes, isSigned: isSigned(b.value) }
  const transform = (w: number, u: number) => [
    winograd_weights_i16({ w, u, ...fields, zeros: zeros.length }, ceilDiv(outputs, 8), zeros),
  ]
  const space = new Workspace()
  const frames = space.take(left.bytes)
  const weights = prepareOperand(b.value, MATRICES * weightBytes, transform, space, constant(b.value))
  const [inputs, products] = [space.take(MATRICES * inputBytes), space.take(MATRICES * outputBytes)]
  const factors = space.take(outputs * floatBytes)
  const matrices = Array.from({ length: MATRICES }, (_, i) => [i * inputBytes, i * weightBytes, i * outputBytes, 0])
  const perTile = (size: number) => Math.max(1, Math.floor(TRANSFORM_ELEMENTS / (MATRICES * size)))
  const [inputPatches, outputPatches] = [perTile(channels), perTile(outputs)]
  const [low, high] = limits[y.value.dtype]!

  const calls = (context: LoweringContext): KernelCall[] => {
    const { address, workspace } = context
    const [v, m, multipliers] = [workspace + inputs, workspace + products, workspace + factors]
    const { address: u, calls: preparing } = weights(context)
    const result = [
      left.widen(context, workspace + frames),
      ...preparing,
      multipliersCall(b.scale!, scale!, y.scale!, outputs, multipliers, context),
    ]
    for (let first = 0; first < patches; first += chunk) {
      const count = Math.min(chunk, patches - first)
      const range = { first, count, patchesY, patchesX }
      const { tiles, ...tiling } = tilingOf(MATRICES, count, outputs, (MATRICES * count * outputs * channels) / 2)
      result.push(
        winograd_input_i16(
          { x: workspace + frames, v, ...range, patches: inputPatches, channels, matrixBytes: inputBytes },
          ceilDiv(count, inputPatches),
        ),
        gemm_i16(
          {
            ldb: 8 * floatBytes,
            panelStride: depth * 8 * floatBytes,
            ldc: outputs * floatBytes,
            outer: 1,
            outerStride: 0,
            inner: 1,
            innerStride: 0,
            run: depth,
            lower: 0,
            a: v,
            b: u,
            c: m,
            bias: 0,
            rows: count,
            columns: outputs,
            width: count,
            height: 1,
            pixelStride: channels * int16Bytes,
            rowStride: 0,
            imageStride: 0,
            ...tiling,
            slabColumns: slabColumns(depth),
            y: 0,
            ldy: 0,
            scratchBytes: 0,
            multipliers: 0,
            zero: 0,
            isSigned: 0,
            low: 0,
            high: 0,
          },
          tiles,
          matrices.flat(),
        ),
        winograd_output_i16(
          {
            m,
            y: address(y.value),
            bias: bias ? address(bias) : 0,
            multipliers,
            zero: address(y.zero!),
            isSigned: isSigned(y.value),
            low,
            high,
            ...range,
            patches: outputPatches,
            height: g.outHeight,
            width: g.outWidth,
            outputs,
            matrixBytes: outputBytes,
          },
          ceilDiv(count, outputPatches),
        ),
      )
    }
    return result
  }
  return { workspaceBytes: space.bytes, calls }
}
