import type { ConstantOf, Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { epilogueOf } from '../activations.js'
import { gemm_tn_f32, sum_parts_f32 } from '../gen/gemm-tn.js'
import { convolution, type Forward, multiply } from './conv.js'
import { depthwiseInputGradientPlan, hasDepthwiseGradient, isDepthwise } from './depthwise.js'
import { depthwiseWeightGradientPlan } from './depthwise-gradient.js'
import { type Frame, frameImages, geometryOf, padFrame, shapeOf } from './frame.js'
import { ceilDiv, floatBytes, minimumTileWork, type NodePlan, packPanels, panelBytes, Workspace } from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import { prepareOperand } from './prepared.js'
import { subpixelPlan, suitsSubpixel } from './subpixel.js'
import { cut } from './tiles.js'
import { suitsWinograd, winogradPlan } from './winograd.js'
import { suitsWinogradWeightGradient, winogradWeightGradientPlan } from './winograd-weight-gradient.js'

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
      tensor: constant(w!),
      firstTap: 8 * tapStride,
      tapStride: -tapStride,
      kStride: floatBytes,
      nStride: g.outputs * floatBytes,
    }
    const calls = winogradPlan(shape, { x: dy!, weights, y: dx, bias, epilogue: epilogueOf(node) }, space)
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
  const panels = prepareOperand(w!, g.group * groupBytes, pack, space, constant(w!))
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
      gemm_tn_f32(
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
        sum_parts_f32(
          { x: workspace + partsOffset, y: address(dw), size, parts: chunks, partBytes, chunk: sum.chunk },
          sum.tiles,
        ),
      )
    return result
  }
  return { workspaceBytes: space.bytes, calls }
}

export const convGradientLowerings = {
  'lanewise.ConvInputGradientNhwc': convolution(inputGradientPlan, 'ywx'),
  'lanewise.ConvWeightGradientNhwc': convolution(weightGradientPlan, 'xyw'),
} as const satisfies Record<string, Lowering>
