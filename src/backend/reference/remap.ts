import { allocate } from '../../core/dtype.js'
import { broadcastStrides, sizeOf, stridesOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'

/** Element offsets of the indices 0, 1, … `size` - 1 along an axis of stride `stride`. */
export const steps = (size: number, stride: number): Int32Array =>
  Int32Array.from({ length: size }, (_, i) => i * stride)

/** For each axis of `dims`, the element offsets of its indices. */
export const offsetsOf = (dims: readonly number[]): Int32Array[] => {
  const strides = stridesOf(dims)
  return dims.map((size, axis) => steps(size, strides[axis]))
}

/**
 * A tensor of `input`'s dtype with one axis for each entry of `offsets`: an element copies the one of `input` at the sum
 * of its offsets, or takes `fill` (0 or the empty string if absent) where one of them is negative.
 */
export function remap(input: Tensor, offsets: readonly Int32Array[], fill?: Tensor): Tensor {
  const dims = offsets.map((axis) => axis.length)
  const data = allocate(input.type, sizeOf(dims)) as unknown[]
  const source = input.data as unknown as readonly unknown[]
  const filling = fill ? (fill.data as unknown as readonly unknown[])[0] : undefined
  let next = 0
  const walk = (axis: number, offset: number, inside: boolean): void => {
    if (axis === offsets.length) {
      if (inside) data[next] = source[offset]
      else if (filling !== undefined) data[next] = filling
      next++
      return
    }
    for (const step of offsets[axis]) walk(axis + 1, offset + step, inside && step >= 0)
  }
  walk(0, 0, true)
  return new Tensor(input.type, data as never, dims)
}

/** `input` broadcast to `dims`. */
export function expandTo(input: Tensor, dims: readonly number[]): Tensor {
  const strides = broadcastStrides(input.dims, dims)
  return remap(
    input,
    dims.map((size, axis) => steps(size, strides[axis])),
  )
}
