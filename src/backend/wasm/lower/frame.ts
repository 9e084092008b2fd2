import type { Node, Value } from '../../../core/ir.js'
import { concrete } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { windowOf } from '../../../ops/window.js'
import { spread_f32 } from '../gen/conv.js'
import type { KernelCall } from '../gen/kernels.js'
import { ceilDiv, floatBytes } from './gemm.js'
import { CHUNK } from './tiles.js'

/** What every 2-D convolution counts: images, channels, outputs, and how its windows lie. */
export interface ConvolutionSizes {
  readonly images: number
  readonly channels: number
  readonly outHeight: number
  readonly outWidth: number
  readonly outputs: number
  readonly group: number
  readonly kernelY: number
  readonly kernelX: number
  readonly strideY: number
  readonly strideX: number
  readonly dilationY: number
  readonly dilationX: number
}

/** A 2-D convolution of x [images, height, width, channels] with w [kernelY, kernelX, channels/group, outputs]; a 1-D one has height 1. */
export interface Geometry extends ConvolutionSizes {
  readonly height: number
  readonly width: number
  readonly top: number
  readonly left: number
  readonly bottom: number
  readonly right: number
}

export const shapeOf = (value: Value): readonly number[] => concrete(value.shape, value.name)

/** The geometry of a convolution node whose operands play the parts x, w and y; attributes are explicit, shapes channels-last. */
export function geometryOf(node: Node, x: Value, w: Value, y: Value): Geometry {
  const spatial = shapeOf(x).slice(1, -1)
  const kernel = shapeOf(w).slice(0, -2)
  const { strides, dilations, padBegin, padEnd } = windowOf(node.attributes, kernel, spatial)
  const out = shapeOf(y).slice(1, -1)
  const along = spatial.length - 1
  const across = (sizes: readonly number[], fill: number) => (along === 0 ? fill : sizes[0])
  return {
    images: shapeOf(x)[0],
    height: across(spatial, 1),
    width: spatial[along],
    channels: shapeOf(x)[spatial.length + 1],
    outHeight: across(out, 1),
    outWidth: out[along],
    outputs: shapeOf(w)[spatial.length + 1],
    group: intAttribute(node.attributes, 'group') ?? 1,
    kernelY: across(kernel, 1),
    kernelX: kernel[along],
    strideY: across(strides, 1),
    strideX: strides[along],
    dilationY: across(dilations, 1),
    dilationX: dilations[along],
    top: across(padBegin, 0),
    left: padBegin[along],
    bottom: across(padEnd, 0),
    right: padEnd[along],
  }
}

/** Where an image lies in its frame of zeros, and how far its pixels are apart there. */
export interface Frame {
  readonly height: number
  readonly width: number
  readonly top: number
  readonly left: number
  readonly strideY: number
  readonly strideX: number
}

export interface Framed {
  /** Bytes of the frames; 0 where the images themselves serve. */
  readonly bytes: number
  calls(source: number, target: number): readonly KernelCall[]
}

/** Lays `images` images [height, width, channels] into frames, unless the frame is the image. */
export function frameImages(images: number, height: number, width: number, channels: number, frame: Frame): Framed {
  const same =
    frame.top === 0 &&
    frame.left === 0 &&
    frame.strideY === 1 &&
    frame.strideX === 1 &&
    frame.height === height &&
    frame.width === width
  if (same) return { bytes: 0, calls: () => [] }
  const rows = images * frame.height
  const rowsPerTile = Math.max(1, Math.floor(CHUNK / Math.max(1, frame.width * channels)))
  const calls = (x: number, y: number) => [
    spread_f32(
      {
        x,
        y,
        height,
        width,
        channels,
        targetHeight: frame.height,
        targetWidth: frame.width,
        top: frame.top,
        left: frame.left,
        strideY: frame.strideY,
        strideX: frame.strideX,
        rowsPerTile,
        rows,
      },
      ceilDiv(rows, rowsPerTile),
    ),
  ]
  return { bytes: rows * frame.width * channels * floatBytes, calls }
}

/** The frame that adds a convolution's padding. */
export const padFrame = ({ height, width, top, left, bottom, right }: Geometry): Frame => ({
  height: height + top + bottom,
  width: width + left + right,
  top,
  left,
  strideY: 1,
  strideX: 1,
})
