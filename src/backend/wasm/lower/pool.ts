import type { Node } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { intAttribute, intsAttribute } from '../../../ops/definition.js'
import { windowOf } from '../../../ops/window.js'
import { average_pool_f32, global_average_pool_f32, global_max_pool_f32, max_pool_f32 } from '../gen/pool.js'
import type { Lowering } from './lowering.js'
import { CHUNK, cut } from './tiles.js'

/** Channels of a gradient's tile where windows overlap and images are few: whole cache lines. */
const CHANNELS = 16
/** From this many images on, a tile is one image. */
const MANY_IMAGES = 8

/** The window fields of a kernel's parameters, for a pool between channels-last shapes of one to three spatial axes. */
export function windowFields(node: Node, input: readonly number[], output: readonly number[]) {
  const spatial = (shape: readonly number[]) => shape.slice(1, -1)
  const window = windowOf(node.attributes, intsAttribute(node.attributes, 'kernel_shape')!, spatial(input))
  const three = (values: readonly number[], fill: number) =>
    [...new Array<number>(3 - values.length).fill(fill), ...values] as [number, number, number]
  const size = three(spatial(input), 1)
  const count = three(spatial(output), 1)
  const kernel = three(window.kernel, 1)
  const stride = three(window.strides, 1)
  const dilation = three(window.dilations, 1)
  const begin = three(window.padBegin, 0)
  const end = three(window.padEnd, 0)
  const axes = [0, 1, 2]
  const overlap = axes.some((axis) => count[axis] > 1 && stride[axis] < (kernel[axis] - 1) * dilation[axis] + 1)
  const cover = axes.every(
    (axis) =>
      stride[axis] === kernel[axis] &&
      dilation[axis] === 1 &&
      begin[axis] === 0 &&
      count[axis] * kernel[axis] === size[axis],
  )
  const c = input[input.length - 1]
  const rows = output[0] * count[0] * count[1]
  const channels = output[0] >= MANY_IMAGES ? c : Math.min(c, CHANNELS)
  const rowElements = Math.max(1, (sizeOf(input) / Math.max(1, rows)) | 0)
  const { chunk, tiles } = cut(rows, Math.max(1, Math.floor(CHUNK / rowElements)))
  return {
    fields: {
      rows,
      chunk,
      c,
      channels,
      inD: size[0],
      inH: size[1],
      inW: size[2],
      outD: count[0],
      outH: count[1],
      outW: count[2],
      kD: kernel[0],
      kH: kernel[1],
      kW: kernel[2],
      sD: stride[0],
      sH: stride[1],
      sW: stride[2],
      dD: dilation[0],
      dH: dilation[1],
      dW: dilation[2],
      pD: begin[0],
      pH: begin[1],
      pW: begin[2],
      paddedD: size[0] + end[0],
      paddedH: size[1] + end[1],
      paddedW: size[2] + end[2],
      includePad: intAttribute(node.attributes, 'count_include_pad') === 1 ? 1 : 0,
      overlap: overlap ? 1 : 0,
      cover: cover ? 1 : 0,
    },
    tiles,
    gradientTiles: overlap ? output[0] * Math.ceil(c / channels) : tiles,
  }
}

export const isPool = (node: Node): boolean => {
  const operands = [node.inputs[0]!, node.outputs[0]]
  return (
    node.outputs.length === 1 &&
    operands.every(
      ({ dtype, shape }) =>
        dtype === 'float32' && shape.length >= 3 && shape.length <= 5 && sizeOf(concrete(shape)) > 0,
    )
  )
}

const poolLowering = (kernel: typeof max_pool_f32 | typeof average_pool_f32): Lowering => ({
  accelerates: isPool,
  lower(node, { address }) {
    const [x, y] = [node.inputs[0]!, node.outputs[0]]
    const { fields, tiles } = windowFields(node, concrete(x.shape), concrete(y.shape))
    return [kernel({ x: address(x), y: address(y), dy: 0, dx: 0, ...fields }, tiles)]
  },
})

/** Maxima along rows, then along columns, where that takes fewer looks than whole windows; undefined where it does not. */
function maximaByAxis(node: Node) {
  const shape = concrete(node.inputs[0]!.shape)
  const { fields } = windowFields(node, shape, concrete(node.outputs[0].shape))
  const { kH, kW, kD, inD, inH, inW, outW, outH, c, sH } = fields
  if (inD > 1 || kD > 1 || kW * sH + kH + 4 >= kW * kH) return undefined
  const along = (rows: number, changed: Partial<typeof fields>) => {
    const { chunk, tiles } = cut(rows, Math.max(1, Math.floor(CHUNK / (inW * c))))
    return { fields: { ...fields, ...changed, rows, chunk }, tiles }
  }
  const across = along(shape[0] * inH, { kH: 1, sH: 1, dH: 1, pH: 0, outH: inH, paddedH: inH })
  const down = along(shape[0] * outH, { kW: 1, sW: 1, dW: 1, pW: 0, inW: outW, paddedW: outW })
  return { across, down, bytes: shape[0] * inH * outW * c * 4 }
}

const maxPool = poolLowering(max_pool_f32)

const maxPoolLowering: Lowering = {
  ...maxPool,
  workspace: (node) => maximaByAxis(node)?.bytes ?? 0,
  lower(node, context) {
    const parts = maximaByAxis(node)
    if (!parts) return maxPool.lower(node, context)
    const { across, down } = parts
    const [x, y] = [node.inputs[0]!, node.outputs[0]].map(context.address)
    const between = context.workspace
    return [
      max_pool_f32({ x, y: between, dy: 0, dx: 0, ...across.fields }, across.tiles),
      max_pool_f32({ x: between, y, dy: 0, dx: 0, ...down.fields }, down.tiles),
    ]
  },
}

const globalLowering = (kernel: typeof global_max_pool_f32 | typeof global_average_pool_f32): Lowering => ({
  accelerates: (node) => node.inputs[0]!.dtype === 'float32' && sizeOf(concrete(node.inputs[0]!.shape)) > 0,
  lower(node, { address }) {
    const [x, y] = [node.inputs[0]!, node.outputs[0]]
    const shape = concrete(x.shape)
    const planes = shape[0] * shape[1]
    const size = sizeOf(shape.slice(2))
    const { chunk, tiles } = cut(planes, Math.max(1, Math.floor(CHUNK / size)))
    return [kernel({ x: address(x), y: address(y), planes, size, chunk }, tiles)]
  },
})

export const poolLowerings = {
  'lanewise.MaxPoolNhwc': maxPoolLowering,
  'lanewise.AveragePoolNhwc': poolLowering(average_pool_f32),
  GlobalMaxPool: globalLowering(global_max_pool_f32),
  GlobalAveragePool: globalLowering(global_average_pool_f32),
} as const satisfies Record<string, Lowering>
