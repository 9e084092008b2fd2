import type { Value } from '../../../core/ir.js'
import type { Tensor } from '../../../core/tensor.js'
import { type Activation, activationKinds } from '../activations.js'
import { gemm_f32 } from '../gen/gemm.js'
import type { KernelCall } from '../gen/kernels.js'
import { winograd_input_f32, winograd_output_f32, winograd_weights_f32 } from '../gen/winograd.js'
import { winograd_input_4x4_f32, winograd_output_4x4_f32 } from '../gen/winograd-4x4.js'
import { winograd_chunks_f32 } from '../gen/winograd-chunks.js'
import type { Geometry } from './frame.js'
import {
  ceilDiv,
  epilogueFields,
  floatBytes,
  panelBytes,
  slabColumns,
  type Tiling,
  tilingOf,
  type Workspace,
} from './gemm.js'
import { type LoweringContext, SCRATCH_BYTES } from './lowering.js'
import { prepareOperand } from './prepared.js'

/** A convolution of 3 x 3 taps, stride 1, over images [height, width, channels] in `top` and `left` rows and columns of zeros. */
export interface WinogradShape {
  readonly images: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly outputs: number
  readonly top: number
  readonly left: number
}

export interface WinogradOperands {
  readonly x: Value
  /** Where the first tap lies, and the strides from tap to tap, channel to channel, output to output, in bytes. */
  readonly weights: {
    readonly value: Value
    /** What holds them, where they are constant. */
    readonly tensor: Tensor | undefined
    readonly firstTap: number
    readonly tapStride: number
    readonly kStride: number
    readonly nStride: number
  }
  readonly y: Value
  readonly bias: Value | undefined
  readonly epilogue: Activation
}

/** Winograd's F(tile x tile, 3 x 3): a patch of (tile + 2)^2 pixels gives tile^2, with one matrix product a pixel of the patch. */
interface Transform {
  readonly tile: number
  readonly matrices: number
  /** G, as bits. */
  readonly weights: readonly number[]
  readonly input: typeof winograd_input_f32
  readonly output: typeof winograd_output_f32
}

/** Rows of G for the points +-p of interpolation: powers of p over the products of p's distances to the other points. */
const pointRows = (p: number, divisor: number) => [1, -1].map((sign) => [1, sign * p, p * p].map((x) => x / divisor))
const bitsOf = (rows: readonly (readonly number[])[]) => [...new Int32Array(new Float32Array(rows.flat()).buffer)]

const small: Transform = {
  tile: 2,
  matrices: 16,
  weights: bitsOf([[1, 0, 0], ...pointRows(1, 2), [0, 0, 1]]),
  input: winograd_input_f32,
  output: winograd_output_f32,
}

const large: Transform = {
  tile: 4,
  matrices: 36,
  weights: bitsOf([[1, 0, 0], ...pointRows(Math.SQRT1_2, -1.5), ...pointRows(Math.SQRT2, 6), [0, 0, 1]]),
  input: winograd_input_4x4_f32,
  output: winograd_output_4x4_f32,
}

/** Multiply-adds that the transforms of a number cost, and that fetching a weight from memory costs. */
export const TRANSFORM_COST = 10
const FETCH_COST = 10

function costOf({ tile, matrices }: Transform, shape: WinogradShape): number {
  const { images, channels, outputs, outHeight, outWidth } = shape
  const patches = images * ceilDiv(outHeight, tile) * ceilDiv(outWidth, tile)
  return (
    matrices *
    (patches * (channels * outputs + TRANSFORM_COST * (channels + outputs)) + FETCH_COST * channels * outputs)
  )
}

/** Whether no window of `shape` holds padding alone. */
export const seesImage = ({ top, left, height, width, outHeight, outWidth }: Omit<WinogradShape, 'images'>): boolean =>
  top <= 2 && left <= 2 && outHeight <= height + top && outWidth <= width + left

/**
 * The transform that costs least. 4 x 4 takes channels and outputs four at a time, and no windows of padding alone: their
 * zeros would be rounded.
 */
function transformFor(shape: WinogradShape): Transform {
  const { channels, outputs } = shape
  if (channels % 4 !== 0 || outputs % 4 !== 0 || !seesImage(shape)) return small
  return costOf(large, shape) < costOf(small, shape) ? large : small
}

/** Bytes of transformed patches and their products that stay in the second-level cache from call to call. */
const CHUNK_BYTES = 768 * 1024
/** Elements that a tile of a transform writes or reads. */
const TRANSFORM_ELEMENTS = 8192
/** Below so many channels or outputs the transforms outweigh the products that they save. */
const LEAST_CHANNELS = 16

/** Whether `g` is a convolution that Winograd's algorithm takes and that gains by it. */
export const suitsWinograd = (g: Geometry): boolean =>
  g.kernelY === 3 &&
  g.kernelX === 3 &&
  g.group === 1 &&
  [g.strideY, g.strideX, g.dilationY, g.dilationX].every((size) => size === 1) &&
  g.channels >= LEAST_CHANNELS &&
  g.outputs >= LEAST_CHANNELS &&
  g.images > 0 &&
  g.outHeight >= 4 &&
  g.outWidth >= 4

/** Chunks that keep any usual number of threads evenly busy, the fewest that one thread each works off, and their least patches. */
const WANTED_CHUNKS = 32
const LEAST_CHUNKS = 8
const LEAST_PATCHES = 24
/** Room for the parameter blocks of a chunk's three calls. */
const BLOCK_BYTES = 1024

const aligned = (bytes: number): number => ceilDiv(bytes + 64, 64) * 64

interface Chunks {
  /** Patches of a chunk, a multiple of 4. */
  readonly patches: number
  /** Whether a thread works off a chunk by itself, from input to output; else all threads share each of the three steps. */
  readonly whole: boolean
}

/** How `patches` patches, of `bytes` bytes of transformed pixels and products each, are cut. */
function chunksOf(patches: number, bytes: number): Chunks {
  const cutInto = (count: number) => ceilDiv(ceilDiv(patches, Math.max(1, count)), 4) * 4
  const fitting = Math.floor((SCRATCH_BYTES - BLOCK_BYTES) / bytes) - 8
  const whole = Math.min(fitting, Math.max(LEAST_PATCHES, cutInto(WANTED_CHUNKS)))
  if (whole >= LEAST_PATCHES && patches >= LEAST_CHUNKS * whole)
    return { patches: Math.min(Math.floor(whole / 4) * 4, cutInto(ceilDiv(patches, whole))), whole: true }
  return { patches: cutInto(ceilDiv(patches, Math.max(16, Math.floor(CHUNK_BYTES / bytes)))), whole: false }
}

/**
 * The calls of a convolution: weights once, then for each chunk of patches input, products, output. Many chunks are the
 * tiles of one call; few are worked off one after the other, by all threads.
 */
export function winogradPlan(
  shape: WinogradShape,
  { x, weights, y, bias, epilogue }: WinogradOperands,
  space: Workspace,
): (context: LoweringContext) => KernelCall[] {
  const { images, height, width, channels, outHeight, outWidth, outputs, top, left } = shape
  const { tile, matrices, weights: rows, input, output } = transformFor(shape)
  const patchesY = ceilDiv(outHeight, tile)
  const patchesX = ceilDiv(outWidth, tile)
  const patches = images * patchesY * patchesX
  const chunks = chunksOf(patches, matrices * (channels + outputs) * floatBytes)
  const chunk = chunks.patches
  const weightBytes = panelBytes(channels, outputs)
  const inputBytes = aligned(chunk * channels * floatBytes)
  const outputBytes = aligned(chunk * outputs * floatBytes)
  const { value, tensor, firstTap, tapStride, kStride, nStride } = weights
  const transform = (source: number, target: number) => [
    winograd_weights_f32(
      {
        w: source + firstTap,
        u: target,
        k: channels,
        n: outputs,
        tapStride,
        kStride,
        nStride,
        matrixBytes: weightBytes,
        size: tile + 2,
      },
      ceilDiv(outputs, 8),
      rows,
    ),
  ]
  const transformed = prepareOperand(value, matrices * weightBytes, transform, space, tensor)
  const inputOffset = chunks.whole ? BLOCK_BYTES : space.take(matrices * inputBytes)
  const outputOffset = chunks.whole ? BLOCK_BYTES + matrices * inputBytes : space.take(matrices * outputBytes)
  const offsets = Array.from({ length: matrices }, (_, i) => [i * inputBytes, i * weightBytes, i * outputBytes, 0])

  return (context) => {
    const { address, workspace } = context
    const base = chunks.whole ? context.scratch() : workspace
    const v = base + inputOffset
    const m = base + outputOffset
    const { address: u, calls: prepare } = transformed(context)
    /** Patches [first, first + count); tiles of the transforms hold the patches given. */
    const steps = (first: number, count: number, inputPatches: number, outputPatches: number, tiling: Tiling) => {
      const range = { first, count, patchesY, patchesX }
      return [
        input(
          {
            x: address(x),
            v,
            ...range,
            patches: inputPatches,
            height,
            width,
            channels,
            top,
            left,
            matrixBytes: inputBytes,
          },
          ceilDiv(count, inputPatches),
        ),
        gemm_f32(
          {
            ldb: 8 * floatBytes,
            panelStride: channels * 8 * floatBytes,
            ldc: outputs * floatBytes,
            outer: 1,
            outerStride: 0,
            inner: 1,
            innerStride: 0,
            run: channels,
            lower: Number.NEGATIVE_INFINITY,
            a: v,
            b: u,
            c: m,
            bias: 0,
            rows: count,
            columns: outputs,
            width: count,
            height: 1,
            pixelStride: channels * floatBytes,
            rowStride: 0,
            imageStride: 0,
            top: 0,
            bottom: 0,
            strideY: 1,
            dilationY: 1,
            tileRows: tiling.tileRows,
            tileColumns: tiling.tileColumns,
            slabColumns: slabColumns(channels),
            activation: 0,
            alpha: 0,
            beta: 0,
          },
          tiling.tiles,
          offsets.flat(),
        ),
        output(
          {
            m,
            y: address(y),
            bias: bias ? address(bias) : 0,
            ...range,
            patches: outputPatches,
            height: outHeight,
            width: outWidth,
            outputs,
            matrixBytes: outputBytes,
            ...epilogueFields(epilogue, activationKinds.relu),
          },
          ceilDiv(count, outputPatches),
        ),
      ]
    }
    if (chunks.whole) {
      const oneTile = { tileRows: chunk, tileColumns: ceilDiv(outputs, 8) * 8, tiles: matrices }
      const blocks = steps(0, chunk, chunk, chunk, oneTile).flatMap(({ words }) => [...words])
      return [
        ...prepare,
        winograd_chunks_f32(
          {
            scratch: base,
            scratchBytes: SCRATCH_BYTES,
            patches,
            chunk,
            matrices,
            blockBytes: blocks.length * floatBytes,
          },
          ceilDiv(patches, chunk),
          blocks,
        ),
      ]
    }
    const perTile = (size: number) => Math.max(1, Math.floor(TRANSFORM_ELEMENTS / (matrices * size)))
    const calls = [...prepare]
    for (let first = 0; first < patches; first += chunk) {
      const count = Math.min(chunk, patches - first)
      const tiling = tilingOf(matrices, count, outputs, matrices * count * outputs * channels)
      calls.push(...steps(first, count, perTile(channels), perTile(outputs), tiling))
    }
    return calls
  }
}
