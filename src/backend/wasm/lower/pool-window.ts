import type { Node } from '../../../core/ir.js'
import { concrete, sizeOf } from '../../../core/shape.js'
import { intAttribute, intsAttribute } from '../../../ops/definition.js'
import { windowOf } from '../../../ops/window.js'
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
