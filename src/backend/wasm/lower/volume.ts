import type { Node, Value } from '../../../core/ir.js'
import { sizeOf, stridesOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { type Window, windowOf, windowToAttributes } from '../../../ops/window.js'
import type { KernelCall } from '../gen/kernels.js'
import { unfold_f32 } from '../gen/rare-unfold.js'
import { shapeOf } from './frame.js'
import { floatBytes, Workspace } from './gemm.js'
import type { Lowering, LoweringContext } from './lowering.js'
import type { Roles } from './over-volumes.js'
import { type CopyAxis, stridedCopy } from './strided.js'
import { CHUNK, cut } from './tiles.js'

/** How the taps along the depth become channels of a 2-D convolution; `calls` lays them out where that takes work. */
export interface Folded {
  /** The 2-D node: planes are images, taps are channels. */
  readonly node: Node
  readonly workspaceBytes: number
  readonly calls: (context: LoweringContext) => readonly KernelCall[]
}

const planar = (value: Value, shape: readonly number[]): Value => ({ ...value, shape })
const dims = (rows: number, spatial: readonly number[], channels: number) => [rows, ...spatial, channels]

/** Copies between weights [taps, rest, inner, run] and weights whose taps lie `inner` deep: [rest, inner, taps, run]. */
function moveTaps(volume: number, plane: number, sizes: readonly number[], taps: number, toPlane: boolean) {
  const [rest, inner, run] = sizes
  const [volumes, planes] = [stridesOf([taps, rest, inner, run]), stridesOf([rest, inner, taps, run])]
  const axes = [
    { size: rest, volume: volumes[1], plane: planes[0] },
    { size: inner, volume: volumes[2], plane: planes[1] },
    { size: taps, volume: volumes[0], plane: planes[2] },
    { size: run, volume: 1, plane: 1 },
  ].map(
    (axis): CopyAxis => ({
      size: axis.size,
      from: toPlane ? axis.volume : axis.plane,
      to: toPlane ? axis.plane : axis.volume,
    }),
  )
  return stridedCopy(toPlane ? volume : plane, toPlane ? plane : volume, floatBytes, axes)
}

const planeAttributes = (node: Node, { kernel, strides, dilations, padBegin, padEnd }: Window) => {
  const tail = (values: readonly number[]) => values.slice(1)
  const window = {
    kernel: tail(kernel),
    strides: tail(strides),
    dilations: tail(dilations),
    padBegin: tail(padBegin),
    padEnd: tail(padEnd),
    ceil: false,
  }
  return { ...node.attributes, ...windowToAttributes(window) }
}

/**
 * A convolution over volumes as one over planes, whose channels are the taps along the depth, group by group:
 * [N, D, H, W, C] becomes [N D', H, W, kD C]. A gradient by x gathers dy instead.
 */
export function foldDepth(node: Node, roles: Roles, lowering: Lowering): Folded {
  const operands = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]]
  const [x, w, y] = ['x', 'w', 'y'].map((role) => operands[roles.indexOf(role)])
  const [images, depth, ...plane] = shapeOf(x).slice(0, -1)
  const [, steps, ...outPlane] = shapeOf(y).slice(0, -1)
  const [taps, ...kernel] = shapeOf(w).slice(0, -2)
  const [groupChannels, outputs] = shapeOf(w).slice(-2)
  const group = intAttribute(node.attributes, 'group') ?? 1
  const channels = groupChannels * group
  const window = windowOf(node.attributes, [taps, ...kernel], [depth, ...plane])
  const [stride, dilation, pad] = [window.strides[0], window.dilations[0], window.padBegin[0]]
  const backwards = roles === 'ywx'
  const computesWeight = roles === 'xyw'
  const flat = taps === 1 && stride === 1 && pad === 0 && depth === steps

  const space = new Workspace()
  const [source, size] = backwards ? [y, sizeOf(outPlane) * outputs] : [x, sizeOf(plane) * channels]
  const rows = images * (backwards ? depth : steps)
  const unfolded = flat ? 0 : space.take(rows * size * taps * floatBytes)
  const weights = taps === 1 ? 0 : space.take(sizeOf(shapeOf(w)) * floatBytes)
  const attributes = planeAttributes(node, window)
  const planes = {
    x: planar(x, dims(rows, plane, backwards ? channels : channels * taps)),
    w: planar(w, backwards ? [...kernel, groupChannels, outputs * taps] : [...kernel, groupChannels * taps, outputs]),
    y: planar(y, dims(rows, outPlane, backwards ? outputs * taps : outputs)),
  }
  const planeOf = (index: number) => planes[roles[index] as keyof typeof planes]
  const planeNode: Node = {
    ...node,
    inputs: [planeOf(0), planeOf(1), ...node.inputs.slice(2)],
    outputs: [planeOf(2)],
    attributes: {
      ...attributes,
      ...(backwards && { input_shape: planes.x.shape as readonly number[] }),
      ...(computesWeight && { weight_shape: planes.w.shape as readonly number[] }),
    },
  }
  const inner = space.take(lowering.workspace?.(planeNode, () => undefined) ?? 0)
  const groupRun = (backwards ? outputs : channels) / group
  const weightSizes = backwards
    ? [sizeOf(kernel) * groupChannels, group, outputs / group]
    : [sizeOf(kernel), 1, groupChannels * outputs]
  const { chunk, tiles } = cut(rows, Math.max(1, Math.floor(CHUNK / Math.max(1, size * taps))))

  const calls = (context: LoweringContext) => {
    const { workspace } = context
    const moved = (value: Value): number => {
      if (value === (backwards ? planes.y : planes.x)) return flat ? context.address(source) : workspace + unfolded
      if (value === planes.w) return taps === 1 ? context.address(w) : workspace + weights
      if (value === planes.x) return context.address(x)
      return value === planes.y ? context.address(y) : context.address(value)
    }
    const unfold = unfold_f32(
      {
        x: context.address(source),
        y: workspace + unfolded,
        rows,
        chunk,
        depth: backwards ? steps : depth,
        steps: backwards ? depth : steps,
        pixels: sizeOf(backwards ? outPlane : plane),
        groups: group,
        taps,
        channels: groupRun,
        start: backwards ? pad : -pad,
        stride: backwards ? 1 : stride,
        dilation: backwards ? -dilation : dilation,
        spread: backwards ? stride : 1,
      },
      tiles,
    )
    const move = () =>
      taps === 1 ? [] : moveTaps(context.address(w), workspace + weights, weightSizes, taps, !computesWeight)
    return [
      ...(flat || rows * size === 0 ? [] : [unfold]),
      ...(computesWeight ? [] : move()),
      ...lowering.lower(planeNode, { ...context, address: moved, workspace: workspace + inner }),
      ...(computesWeight ? move() : []),
    ]
  }
  return { node: planeNode, workspaceBytes: space.bytes, calls }
}
