import type { DType } from '../../core/dtype.js'
import { type ErrorCode, LanewiseError } from '../../core/errors.js'
import type { Shape } from '../../core/shape.js'

/** A shape with null where a size is known only at run time: Keras's form. */
export type KerasShape = readonly (number | null)[]

export interface TensorType {
  readonly shape: KerasShape
  readonly dtype: DType
}

/** A layer, as errors name it. */
interface Named {
  readonly name: string
  readonly className: string
}

export const formatKerasShape = (shape: KerasShape): string =>
  `(${shape.map((dim) => (dim === null ? 'None' : String(dim))).join(', ')}${shape.length === 1 ? ',' : ''})`

/** Symbolic dimensions for the unknown ones: `batch` for the first axis, `<prefix>_dim<i>` for others. */
export const graphShape = (shape: KerasShape, prefix: string): Shape =>
  shape.map((dim, axis) => dim ?? (axis === 0 ? 'batch' : `${prefix}_dim${axis}`))

export const kerasShape = (shape: Shape): KerasShape => shape.map((dim) => (typeof dim === 'number' ? dim : null))

/** What is wrong with a layer or what it is given, as an error that names it. */
export const layerError = (layer: Named, problem: string, code: ErrorCode = 'INVALID_ARGUMENT'): LanewiseError =>
  new LanewiseError(code, `layer '${layer.name}' (${layer.className}): ${problem}`)

/** One size, which must be known. Throws SHAPE_MISMATCH naming the layer. */
export function knownDim(layer: Named, shape: KerasShape, axis: number): number {
  const dim = shape[axis < 0 ? axis + shape.length : axis]
  if (typeof dim !== 'number')
    throw layerError(
      layer,
      `needs a known size on axis ${axis} of its input ${formatKerasShape(shape)}`,
      'SHAPE_MISMATCH',
    )
  return dim
}

/** Throws SHAPE_MISMATCH when an input's rank is not `rank`. */
export function requireRank(layer: Named, shape: KerasShape, rank: number): void {
  if (shape.length !== rank)
    throw layerError(
      layer,
      `takes inputs of rank ${rank} with the batch axis, got ${formatKerasShape(shape)}`,
      'SHAPE_MISMATCH',
    )
}
