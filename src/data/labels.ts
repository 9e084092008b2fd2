import { LanewiseError } from '../core/errors.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** Class indices [n] (any integer dtype) as one-hot rows, float32 [n, classes]. Throws INVALID_DATA for an index out of range. */
export function toCategorical(labels: Tensor, classes: number): Tensor {
  const rows = new Float32Array(labels.size * classes)
  labels.toNumbers().forEach((label, index) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new LanewiseError('INVALID_DATA', `label ${label} at ${index} is not one of ${classes} classes`)
    rows[index * classes + label] = 1
  })
  return new Tensor('float32', rows, [labels.size, classes])
}

/** Rows `start` to `end` (exclusive) along the first axis. */
export function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const row = sizeOf(tensor.dims.slice(1))
  const rows = Math.max(0, Math.min(end, tensor.dims[0]) - start)
  return new Tensor(tensor.type, tensor.data.slice(start * row, (start + rows) * row), [rows, ...tensor.dims.slice(1)])
}
