import type { ConstantOf, Value } from '../../../core/ir.js'
import { permute, stridesOf } from '../../../core/shape.js'
import type { Tensor } from '../../../core/tensor.js'
import { shapeOf } from './frame.js'
import { floatBytes } from './gemm.js'

/** How far apart the weights of a convolution lie, in bytes, from tap to tap, channel to channel and output to output. */
export interface WeightLayout {
  /** What holds them, where they are constant. */
  readonly tensor: Tensor | undefined
  readonly tapStride: number
  readonly kStride: number
  readonly nStride: number
}

/** The layout of weights w […kernel, C/group, O]. Constants that are transposed are read as they were before. */
export function weightLayout(w: Value, constant: ConstantOf): WeightLayout {
  const shape = shapeOf(w)
  const tensor = constant(w)
  const origin = tensor?.origin
  const before = origin && permute(stridesOf(origin.source.dims), origin.perm)
  return before && hasEvenTaps(shape, before) ? layout(origin.source, before) : layout(tensor, stridesOf(shape))
}

/** Whether all taps of weights of one or two kernel axes lie equally far apart. */
const hasEvenTaps = (shape: readonly number[], strides: readonly number[]): boolean =>
  shape.length === 3 || (shape.length === 4 && strides[0] === strides[1] * shape[1])

function layout(tensor: Tensor | undefined, strides: readonly number[]): WeightLayout {
  const [tap, k, n] = strides.slice(-3)
  return { tensor, tapStride: tap * floatBytes, kStride: k * floatBytes, nStride: n * floatBytes }
}
