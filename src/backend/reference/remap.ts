import { allocate, bytesPerElement, type TensorData } from '../../core/dtype.js'
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
  const result = allocate(input.type, sizeOf(dims))
  const [data, source] = [result as unknown[], input.data as readonly unknown[]]
  const filling = fill ? (fill.data as unknown as readonly unknown[])[0] : undefined
  const words =
    filling === undefined && input.type !== 'string' && bytesPerElement(input.type) === 4
      ? [wordsOf(input.data), wordsOf(result)]
      : undefined
  const last = offsets.at(-1) ?? steps(1, 0)
  let next = 0
  const walk = (axis: number, offset: number, inside: boolean): void => {
    if (axis >= offsets.length - 1) {
      if (!words) copyElements(source, offset, last, data, next, inside, filling)
      else if (inside) copyWords(words[0], offset, last, words[1], next)
      next += last.length
    } else for (const step of offsets[axis]) walk(axis + 1, offset + step, inside && step >= 0)
  }
  walk(0, 0, true)
  return new Tensor(input.type, result, dims)
}

const wordsOf = (data: TensorData): Int32Array => {
  const { buffer, byteOffset, length } = data as Int32Array
  return new Int32Array(buffer, byteOffset, length)
}

/** Copies the elements of `source` at `from` plus each of `offsets` to `data`, from `to` on. */
function copyElements(
  source: readonly unknown[],
  from: number,
  offsets: Int32Array,
  data: unknown[],
  to: number,
  inside: boolean,
  filling: unknown,
): void {
  for (let i = 0; i < offsets.length; i++)
    if (inside && offsets[i] >= 0) data[to + i] = source[from + offsets[i]]
    else if (filling !== undefined) data[to + i] = filling
}

/** The same for elements of 32 bits without filling: large weights take this way. */
function copyWords(source: Int32Array, from: number, offsets: Int32Array, data: Int32Array, to: number): void {
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]
    if (offset >= 0) data[to + i] = source[from + offset]
  }
}

/** `input` broadcast to `dims`. */
export function expandTo(input: Tensor, dims: readonly number[]): Tensor {
  const strides = broadcastStrides(input.dims, dims)
  return remap(
    input,
    dims.map((size, axis) => steps(size, strides[axis])),
  )
}
