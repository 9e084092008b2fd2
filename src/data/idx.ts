import { arrayOf, bytesPerElement, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { formatShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** Element types of the IDX format, by the third byte of its magic number (http://yann.lecun.com/exdb/mnist). */
const dtypes: Readonly<Record<number, NumericDType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
}

/** Parses an uncompressed IDX file. Throws INVALID_DATA, naming `name`, when it is not one or is cut short. */
export function parseIdx(bytes: Uint8Array, name = 'IDX file'): Tensor {
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0) fail('not an IDX file (its magic number does not start with 0000)')
  const dtype = dtypes[bytes[2]] ?? fail(`unknown IDX element type 0x${bytes[2].toString(16)}`)
  const rank = bytes[3]
  const header = 4 + 4 * rank
  if (bytes.length < header) fail(`truncated in its header: ${bytes.length} of ${header} bytes`)
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const width = bytesPerElement(dtype)
  const expected = header + sizeOf(dims) * width
  if (bytes.length !== expected)
    fail(
      `${bytes.length < expected ? 'truncated' : 'too long'}: shape ${formatShape(dims)} needs ${expected} bytes, it has ${bytes.length}. Fetch the file again`,
    )
  const data = bytes.slice(header)
  if (width > 1) for (let start = 0; start < data.length; start += width) data.subarray(start, start + width).reverse()
  return new Tensor(dtype, new (arrayOf(dtype))(data.buffer), dims)
}
