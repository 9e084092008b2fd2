import type { ConstantOf, Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { type Activation, activationKinds, epilogueOf } from '../activations.js'
import type { KernelCall } from '../gen/kernels.js'
import * as kernels from '../gen/kernels.js'
import {
  depthwiseInputGradientPlan,
  depthwisePlan,
  depthwiseWeightGradientPlan,
  hasDepthwiseGradient,
  isDepthwise,
} from './depthwise.js'
import { type ConvolutionSizes, type Frame, frameImages, geometryOf, padFrame, shapeOf } from './frame.js'
import {
  ceilDiv,
  epilogueFields,
  floatBytes,
  isFloat32,
  minimumTileWork,
  type NodePlan,
  packPanels,
  panelBytes,
  slabColumns,
  tilingOf,
  Workspace,
  worthPacking,
} from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { fromPlan } from './matmul.js'
import { prepareOperand } from './prepared.js'
import { subpixelPlan, suitsSubpixel } from './subpixel.js'
import { cut } from './tiles.js'
import { overVolumes, type Roles } from './volume.js'
import { suitsWinograd, winogradPlan } from './winograd.js'
import { suitsWinogradWeightGradient, winogradWeightGradientPlan } from './winograd-weight-gradient.js'

/** A forward convolution over framed images of `channels` channels, weights being rows (k, output) of B. */
interface Forward extends ConvolutionSizes {
  readonly frameHeight: number
  readonly frameWidth: number
  /** Rows of the frame that may hold anything but zeros. */
  readonly dataTop: number
  readonly dataBottom: number
}

interface ForwardOperands {
  readonly a: number
  readonly b: number
  readonly ldb: number
  readonly panelStride: number
  readonly groupStride: number
  readonly c: number
  readonly bias: number
  readonly epilogue: Activation
}

/** The call that multiplies. `groupStride` is the distance of two groups' weights in bytes. */
function multiply(forward: Forward, operands: ForwardOperands): KernelCall {
  const { images, frameHeight, frameWidth, channels, outHeight, outWidth, outputs, group, kernelY, kernelX } = forward
  const pixel = channels * floatBytes
  const groupChannels = channels / group
  const groupOutputs = outputs / group
  const depth = kernelY * kernelX * groupChannels
  const rows = images * outHeight * outWidth
  const tiling = tilingOf(group, rows, groupOutputs, group * rows * groupOutputs * depth)
  const together = group === 1 && forward.dilationX === 1
  const flat =
    kernelY === 1 &&
    kernelX === 1 &&
    forward.strideY === 1 &&
    forward.strideX === 1 &&
    frameHeight === outHeight &&
    frameWidth === outWidth
  const zeros = forward.dataTop > 0 || forward.dataBottom < frameHeight
  const offsets = Array.from({ length: group }, (_, g) => [
    g * groupChannels * floatBytes,
    g * operands.groupStride,
    g * groupOutputs * floatBytes,
    g * groupOutputs * floatBytes,
  ]).flat()
  return kernels.gemm_f32(
    {
      ldb: operands.ldb,
      panelStride: operands.panelStride,
      ldc: outputs * floatBytes,
      outer: kernelY,
      outerStride: forward.dilationY * frameWidth * pixel,
      inner: together ? 1 : kernelX,
      innerStride: together ? 0 : forward.dilationX * pixel,
      run: together ? kernelX * channels : groupChannels,
      ...epilogueFields(operands.epilogue, activationKinds.relu),
      a: operands.a,
      b: operands.b,
      c: operands.c,
      bias: operands.bias,
      rows,
      columns: groupOutputs,
      width: Math.max(1, flat ? rows : outWidth),
      height: flat ? 1 : outHeight,
      pixelStride: forward.strideX * pixel,
      rowStride: forward.strideY * frameWidth * pixel,
      imageStride: frameHeight * frameWidth * pixel,
      top: zeros ? forward.dataTop : 0,
      bottom: zeros && !flat ? forward.dataBottom : 0,
      strideY: forward.strideY,
      dilationY: forward.dilationY,
      tileRows: tiling.tileRows,
      tileColumns: tiling.tileColumns,
      slabColumns: slabColumns(depth),
    },
    tiling.tiles,
    offsets,
  )
}

function convPlan(node: Node, constant: ConstantOf): NodePlan {
  const [x, w, bias] = node.inputs
  const y = node.outputs[0]
  const g = geometryOf(node, x!, w!, y)
  if (isDepthwise(g)) return depthwisePlan(node, g)
  if (suitsWinograd(g)) {
    const space = new Workspace()
    const weights = {
      value: w!,
      firstTap: 0,
      tapStride: g.channels * g.outputs * floatBytes,
      kStride: g.outputs * floatBytes,
      nStride: floatBytes,
    }
    const calls = winogradPlan(g, { x: x!, weights, y, bias, epilogue: epilogueOf(node) }, space, constant)
    return { workspaceBytes: space.bytes, calls }
  }
  const frame = padFrame(g)
  const framed = frameImages(g.images, g.height, g.width, g.channels, frame)
  const space = new Workspace()
  const frameOffset = framed.bytes > 0 ? space.take(framed.bytes) : 0
  const groupOutputs = g.outputs / g.group
  const depth = (g.kernelY * g.kernelX * g.channels) / g.group
  const packed = constant(w!) !== undefined || worthPacking(g.images * g.outHeight * g.outWidth, groupOutputs, depth)
  const groupBytes = packed ? panelBytes(depth, groupOutputs) : groupOutputs * floatBytes
  const pack = (source: number, target: number) => [
    packPanels(
      {
        source,
        target,
        taps: 1,
        tapStride: 0,
        k: depth,
        kStride: g.outputs * floatBytes,
        columns: groupOutputs,
        nStride: floatBytes,
      },
      Array.from({ length: g.group }, (_, i) => [i * groupOutputs * floatBytes, i * groupBytes]),
    ),
  ]
  const panels = packed ? prepareOperand(w!, g.group * groupBytes, pack, space, constant) : undefined
  const forward: Forward = {
    ...g,
    frameHeight: frame.height,
    frameWidth: frame.width,
    dataTop: Math.max(0, g.top),
    dataBottom: Math.min(frame.height, g.top + g.height),
  }
  const calls = (context: LoweringContext) => {
    const { address, workspace } = context
    const weights = panels?.(context) ?? { address: address(w!), calls: [] }
    const product = multiply(forward, {
      a: framed.bytes > 0 ? workspace + frameOffset : address(x!),
      b: weights.address,
      ldb: packed ? 8 * floatBytes : g.outputs * floatBytes,
      panelStride: packed ? depth * 8 * floatBytes : 8 * floatBytes,
      groupStride: groupBytes,
      c: address(y),
      bias: bias ? address(bias) : 0,
      epilogue: epilogueOf(node),
    })
    return [...framed.calls(address(x!), workspace + frameOffset), ...weights.calls, product]
  }
  return { workspaceBytes: space.bytes, calls }
}

/** dx: a convolution of dy, spread by the strides where taps lie apart too, with the weights turned by half a turn and transposed in the packing. */
function inputGradientPlan(node: Node, constant: ConstantOf): NodePlan {
  const [dy, w, bias] = node.inputs
  const dx = node.outputs[0]
  const g = geometryOf(node, dx, w!, dy!)
  if (hasDepthwiseGradient(g)) return depthwiseInputGradientPlan(node, g)
  if (suitsSubpixel(g)) return subpixelPlan(node, g, constant)
  if (suitsWinograd(g)) {
    const space = new Workspace()
    const shape = {
      images: g.images,
      height: g.outHeight,
      width: g.outWidth,
      channels: g.outputs,
      outHeight: g.height,
      outWidth: g.width,
      outputs: g.channels,
      top: 2 - g.top,
      left: 2 - g.left,
    }
    const tapStride = g.channels * g.outputs * floatBytes
    const weights = {
      value: w!,
      firstTap: 8 * tapStride,
      tapStride: -tapStride,
      kStride: floatBytes,
      nStride: g.outputs * floatBytes,
    }
    const calls = winogradPlan(shape, { x: dy!, weights, y: dx, bias, epilogue: epilogueOf(node) }, space, constant)
    return { workspaceBytes: space.bytes, calls }
  }
  const frame: Frame = {
    height: g.height + g.dilationY * (g.kernelY - 1),
    width: g.width + g.dilationX * (g.kernelX - 1),
    top: g.dilationY * (g.kernelY - 1) - g.top,
    left: g.dilationX * (g.kernelX - 1) - g.left,
    strideY: g.strideY,
    strideX: g.strideX,
  }
  const framed = frameImages(g.images, g.outHeight, g.outWidth, g.outputs, frame)
  const space = new Workspace()
  const frameOffset = framed.bytes > 0 ? space.take(framed.bytes) : 0
  const taps = g.kernelY * g.kernelX
  const groupChannels = g.channels / g.group
  const groupOutputs = g.outputs / g.group
  const depth = taps * groupOutputs
  const groupBytes = panelBytes(depth, groupChannels)
  const tapStride = groupChannels * g.outputs * floatBytes
  const pack = (source: number, target: number) => [
    packPanels(
      {
        source: source + (taps - 1) * tapStride,
        target,
        taps,
        tapStride: -tapStride,
        k: groupOutputs,
        kStride: floatBytes,
        columns: groupChannels,
        nStride: g.outputs * floatBytes,
      },
      Array.from({ length: g.group }, (_, i) => [i * groupOutputs * floatBytes, i * groupBytes]),
    ),
  ]
  const panels = prepareOperand(w!, g.group * groupBytes, pack, space, constant)
  const forward: Forward = {
    ...g,
    frameHeight: frame.height,
    frameWidth: frame.width,
    dataTop: Math.max(0, frame.top),
    dataBottom: Math.min(frame.height, Math.max(0, frame.top + (g.outHeight - 1) * g.strideY + 1)),
    channels: g.outputs,
    outHeight: g.height,
    outWidth: g.width,
    outputs: g.channels,
    strideY: 1,
    strideX: 1,
  }
  const calls = (context: LoweringContext) => {
    const { address, workspace } = context
    const weights = panels(context)
    const product = multiply(forward, {
      a: framed.bytes > 0 ? workspace + frameOffset : address(dy!),
      b: weights.address,
      ldb: 8 * floatBytes,
      panelStride: depth * 8 * floatBytes,
      groupStride: groupBytes,
      c: address(dx),
      bias: bias ? address(bias) : 0,
      epilogue: epilogueOf(node),
    })
    return [...framed.calls(address(dy!), workspace + frameOffset), ...weights.calls, product]
  }
  return { workspaceBytes: space.bytes, calls }
}

/** Bytes of x and dy that stay in the first-level cache while all rows of dw pass by. */
const blockBytes = 24 * 1024
/** Elements of dw of one tile, and how many tiles to aim at. */
const tileElements = 8192
const wantedTiles = 16

function weightGradientPlan(node: Node): NodePlan {
  const [x, dy] = node.inputs
  const dw = node.outputs[0]
  const g = geometryOf(node, x!, dw, dy!)
  if (isDepthwise(g)) return depthwiseWeightGradientPlan(node, g)
  if (suitsWinogradWeightGradient(g)) return winogradWeightGradientPlan(g, x!, dy!, dw)
  const frame = padFrame(g)
  const framed = frameImages(g.images, g.height, g.width, g.channels, frame)
  const space = new Workspace()
  const frameOffset = framed.bytes > 0 ? space.take(framed.bytes) : 0

  const pixel = g.channels * floatBytes
  const groupChannels = g.channels / g.group
  const groupOutputs = g.outputs / g.group
  const rows = g.kernelY * g.kernelX * groupChannels
  const size = sizeOf(shapeOf(dw))
  const work = g.images * g.outHeight * g.outWidth * size
  const wanted = work < minimumTileWork ? 1 : wantedTiles
  const rowSlabs = Math.max(
    1,
    Math.min(Math.floor(size / g.group / tileElements), ceilDiv(rows, 48)),
    Math.min(ceilDiv(wanted, Math.max(1, g.images) * g.group), ceilDiv(rows, 12)),
  )
  const tileRows = ceilDiv(ceilDiv(rows, rowSlabs), 12) * 12
  const sharing = ceilDiv(wanted, g.group * rowSlabs)
  const chunkImages = Math.max(1, ceilDiv(g.images, sharing))
  const chunks = Math.max(1, ceilDiv(g.images, chunkImages))
  const partBytes = ceilDiv(size * floatBytes, 64) * 64
  const sum = cut(size, 2048)
  const partsOffset = chunks > 1 ? space.take(chunks * partBytes) : 0

  const together = g.group === 1 && g.dilationX === 1
  const gather = g.channels === 1 && g.strideX === 1
  const blockRows = Math.max(
    1,
    Math.floor(blockBytes / Math.max(1, g.outWidth * (g.outputs * floatBytes + g.strideY * g.strideX * pixel))),
  )
  const outerStride = g.strideY * frame.width * pixel
  const offsets = Array.from({ length: g.group }, (_, i) => [
    i * groupChannels * floatBytes,
    i * groupOutputs * floatBytes,
    i * groupOutputs * floatBytes,
    0,
  ]).flat()
  const calls = ({ address, workspace }: LoweringContext) => {
    const result = [
      ...framed.calls(address(x!), workspace + frameOffset),
      kernels.gemm_tn_f32(
        {
          ldb: g.outputs * floatBytes,
          panelStride: 8 * floatBytes,
          ldc: g.outputs * floatBytes,
          outer: g.outHeight,
          outerStride,
          inner: 1,
          innerStride: outerStride,
          run: g.outWidth,
          lower: Number.NEGATIVE_INFINITY,
          a: framed.bytes > 0 ? workspace + frameOffset : address(x!),
          b: address(dy!),
          c: chunks > 1 ? workspace + partsOffset : address(dw),
          bias: 0,
          columns: groupOutputs,
          images: g.images,
          height: g.outHeight,
          pixelStride: g.strideX * pixel,
          imageStride: frame.height * frame.width * pixel,
          tapRows: g.kernelY,
          tapColumns: together ? 1 : g.kernelX,
          channels: together ? g.kernelX * g.channels : groupChannels,
          tapRowStride: g.dilationY * frame.width * pixel,
          tapColumnStride: g.dilationX * pixel,
          gather: gather ? 1 : 0,
          blockRows,
          tileRows,
          tileColumns: ceilDiv(groupOutputs, 8) * 8,
          slabColumns: ceilDiv(groupOutputs, 8) * 8,
          batches: g.group,
          chunkImages,
          chunkBytes: partBytes,
          activation: 0,
          alpha: 0,
          beta: 0,
        },
        chunks * g.group * ceilDiv(rows, tileRows),
        offsets,
      ),
    ]
    if (chunks > 1)
      result.push(
        kernels.sum_parts_f32(
          { x: workspace + partsOffset, y: address(dw), size, parts: chunks, partBytes, chunk: sum.chunk },
          sum.tiles,
        ),
      )
    return result
  }
  return { workspaceBytes: space.bytes, calls }
}

/** float32, with one to three spatial axes. */
const convolution = (plan: (node: Node, constant: ConstantOf) => NodePlan, roles: Roles): Lowering =>
  overVolumes(
    {
      ...fromPlan(plan),
      accelerates: (node) => isFloat32(node) && [3, 4].includes(node.inputs[0]!.shape.length),
    },
    roles,
  )

export const convLowerings = {
  'lanewise.ConvNhwc': convolution(convPlan, 'xwy'),
  'lanewise.ConvInputGradientNhwc': convolution(inputGradientPlan, 'ywx'),
  'lanewise.ConvWeightGradientNhwc': convolution(weightGradientPlan, 'xyw'),
} as const satisfies Record<string, Lowering>
