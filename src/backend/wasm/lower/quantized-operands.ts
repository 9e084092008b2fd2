import type { ConstantOf, Value } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import type { KernelCall } from '../gen/kernels.js'
import { type gemm_i16, quantize_multipliers_f32, widen_i16 } from '../gen/rare-gemm-i16.js'
import { type Geometry, padFrame, shapeOf } from './frame.js'
import { ceilDiv, floatBytes } from './gemm.js'
import type { LoweringContext } from './lowering.js'
import { CHUNK } from './tiles.js'

/** A quantized operand: its integers of 8 bits, their scale and zero point. */
export interface Operand {
  readonly value: Value
  readonly scale?: Value
  readonly zero?: Value
}

/** A convolution of bytes; with the scales of all three it is quantized, else its sums are the result. */
export interface Convolution {
  readonly x: Operand
  readonly b: Operand
  readonly y: Operand
  /** int32. */
  readonly bias?: Value
  /** The scale of x. */
  readonly scale?: Value
}

/** The bytes of A as int16 in rows, and how the rows of the product walk them, in pairs of numbers. */
export interface Left {
  readonly widen: (context: LoweringContext, target: number) => KernelCall
  readonly bytes: number
  readonly walk: Pick<
    Parameters<typeof gemm_i16>[0],
    | 'outer'
    | 'outerStride'
    | 'inner'
    | 'innerStride'
    | 'run'
    | 'width'
    | 'height'
    | 'pixelStride'
    | 'rowStride'
    | 'imageStride'
  >
}

export const even = (size: number): number => size + (size % 2)
export const int16Bytes = 2

export const isSigned = (value: Value): number => (value.dtype === 'int8' ? 1 : 0)

/** The zero points of B that are not all 0. */
export function zerosOf(zero: Value | undefined, constant: ConstantOf): readonly number[] {
  const zeros = zero ? constant(zero)!.toNumbers() : []
  return zeros.some((value) => value !== 0) ? zeros : []
}

/** The call that writes `count` multipliers of sums, one an output, at `to`. */
export const multipliersCall = (
  w: Value,
  x: Value,
  y: Value,
  count: number,
  to: number,
  { address }: LoweringContext,
): KernelCall => {
  const wStep = sizeOf(shapeOf(w)) > 1 ? floatBytes : 0
  return quantize_multipliers_f32({ x: address(x), w: address(w), wStep, y: address(y), to, count }, 1)
}

/** The images of a convolution in frames of int16, and how they are walked. */
export function framedLeft(g: Geometry, x: Operand, frame = padFrame(g)): Left {
  const channels = g.group === 1 ? even(g.channels) : g.channels
  const pixel = channels * int16Bytes
  const together = g.group === 1 && g.dilationX === 1
  const flat = g.kernelY * g.kernelX * g.strideY * g.strideX === 1
  const rows = g.images * frame.height
  const rowsPerTile = Math.max(1, Math.floor(CHUNK / Math.max(1, frame.width * channels)))
  const line = frame.width * pixel
  return {
    bytes: rows * line,
    widen: ({ address }, y) =>
      widen_i16(
        {
          x: address(x.value),
          y,
          zero: x.zero ? address(x.zero) : 0,
          zeroStep: 0,
          isSigned: isSigned(x.value),
          height: g.height,
          width: g.width,
          channels: g.channels,
          targetHeight: frame.height,
          targetWidth: frame.width,
          targetChannels: channels,
          top: frame.top,
          left: frame.left,
          rowsPerTile,
          rows,
        },
        ceilDiv(rows, rowsPerTile),
      ),
    walk: {
      outer: g.kernelY,
      outerStride: g.dilationY * line,
      inner: together ? 1 : g.kernelX,
      innerStride: together ? 0 : g.dilationX * pixel,
      run: together ? (g.kernelX * channels) / 2 : ceilDiv(g.channels / g.group, 2),
      width: flat ? g.images * g.outHeight * g.outWidth : g.outWidth,
      height: flat ? 1 : g.outHeight,
      pixelStride: g.strideX * pixel,
      rowStride: g.strideY * line,
      imageStride: frame.height * line,
    },
  }
}
