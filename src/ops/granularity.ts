import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes } from '../core/ir.js'
import { formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import { intAttribute } from './definition.js'

/** How scales are shared: one for all elements, one for each index of `axis`, or one for each `block` indices of it. */
export type Granularity =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'axis'; readonly axis: number }
  | { readonly kind: 'block'; readonly axis: number; readonly block: number }

/** What the shape of a scale says about quantizing a tensor of `shape`. Throws SHAPE_MISMATCH where the two do not fit. */
export function granularityOf(shape: Shape, scale: Shape, attributes: Attributes): Granularity {
  if (scale.length === 0 || (scale.length === 1 && scale[0] === 1 && shape.length !== 1)) return { kind: 'tensor' }
  const refuse = (): never => {
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a scale of shape ${formatShape(scale)} does not fit ${formatShape(shape)} along axis ${attributes['axis']}, block_size ${attributes['block_size']}`,
    )
  }
  const block = intAttribute(attributes, 'block_size')
  const axis = shape.length === 1 ? 0 : normalizeAxis(intAttribute(attributes, 'axis'), shape.length)
  const agree = (a: Shape[number], b: Shape[number]) => typeof a === 'string' || typeof b === 'string' || a === b
  if (block > 0) {
    if (scale.length !== shape.length) refuse()
    shape.forEach((dim, index) => {
      const blocks = index === axis && typeof dim === 'number' ? Math.ceil(dim / block) : dim
      if (!(index === axis && typeof dim === 'string') && !agree(blocks, scale[index])) refuse()
    })
    return { kind: 'block', axis, block }
  }
  if (scale.length !== 1) refuse()
  if (scale[0] === 1) return { kind: 'tensor' }
  if (!agree(scale[0], shape[axis])) refuse()
  return { kind: 'axis', axis }
}

/** Limits of the integers that tensors are quantized to. */
export const limits: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int4: [-8, 7],
  uint4: [0, 15],
  int2: [-2, 1],
  uint2: [0, 3],
}
