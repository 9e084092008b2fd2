import { LanewiseError } from '../core/errors.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/**
 * Class indices, a tensor [n] or a list, as one-hot rows, float32 [n, classes]; one class more than the highest index if
 * `classes` is absent. Throws INVALID_DATA for an index out of range.
 */
export function toCategorical(labels: Tensor | ArrayLike<number>, classes?: number): Tensor {
  const indices = labels instanceof Tensor ? labels.toNumbers() : Array.from(labels, Number)
  const width = classes ?? indices.reduce((most, index) => Math.max(most, index + 1), 0)
  const rows = Tensor.zeros('float32', [indices.length, width])
  indices.forEach((label, index) => {
    if (!Number.isInteger(label) || label < 0 || label >= width)
      throw new LanewiseError('INVALID_DATA', `label ${label} at ${index} is not one of ${width} classes`)
    ;(rows.data as Float32Array)[index * width + label] = 1
  })
  return rows
}

/** Rows `start` to `end` (exclusive) along the first axis. */
export function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const row = sizeOf(tensor.dims.slice(1))
  const rows = Math.max(0, Math.min(end, tensor.dims[0]) - start)
  return new Tensor(tensor.type, tensor.data.slice(start * row, (start + rows) * row), [rows, ...tensor.dims.slice(1)])
}
