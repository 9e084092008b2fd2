import type { ConstantOf, Node } from '../../../core/ir.js'
import { type Activation, activationKinds, epilogueOf } from '../activations.js'
import { gemm_f32 } from '../gen/gemm.js'
import type { KernelCall } from '../gen/kernels.js'
import { depthwisePlan, isDepthwise } from './depthwise.js'
import { type ConvolutionSizes, frameImages, geometryOf, padFrame } from './frame.js'
import {
  epilogueFields,
  floatBytes,
  isFloat32,
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
import { overVolumes, type Roles } from './over-volumes.js'
import { prepareOperand } from './prepared.js'
import { weightLayout } from './weights.js'
import { suitsWinograd, winogradPlan } from './winograd.js'

/** A forward convolution over framed images of `channels` channels, weights being rows (k, output) of B. */
export interface Forward extends ConvolutionSizes {
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
export function multiply(forward: Forward, operands: ForwardOperands): KernelCall {
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
  return gemm_f32(
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
    const weights = { value: w!, firstTap: 0, ...weightLayout(w!, constant) }
    const calls = winogradPlan(g, { x: x!, weights, y, bias, epilogue: epilogueOf(node) }, space)
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
  const layout = weightLayout(w!, constant)
  const groupChannels = g.channels / g.group
  const rows =
    layout.tapStride === groupChannels * layout.kStride
      ? { taps: 1, tapStride: 0, k: depth }
      : { taps: g.kernelY * g.kernelX, tapStride: layout.tapStride, k: groupChannels }
  const pack = (source: number, target: number) => [
    packPanels(
      { source, target, ...rows, kStride: layout.kStride, columns: groupOutputs, nStride: layout.nStride },
      Array.from({ length: g.group }, (_, i) => [i * groupOutputs * layout.nStride, i * groupBytes]),
    ),
  ]
  const panels = packed ? prepareOperand(w!, g.group * groupBytes, pack, space, layout.tensor) : undefined
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

/** float32, with one to three spatial axes. */
export const convolution = (plan: (node: Node, constant: ConstantOf) => NodePlan, roles: Roles): Lowering =>
  overVolumes(
    {
      ...fromPlan(plan),
      accelerates: (node) => isFloat32(node) && [3, 4].includes(node.inputs[0]!.shape.length),
    },
    roles,
  )

export const convLowerings = {
  'lanewise.ConvNhwc': convolution(convPlan, 'xwy'),
} as const satisfies Record<string, Lowering>
