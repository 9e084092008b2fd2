import { arrayOf, bytesPerElement, type NumericDType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { formatShape, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** NumPy's type codes (numpy.lib.format, versions 1 to 3). */
const dtypes: Readonly<Record<string, NumericDType>> = {
  '<f4': 'float32',
  '<f8': 'float64',
  '<f2': 'float16',
  '|i1': 'int8',
  '|u1': 'uint8',
  '<i2': 'int16',
  '<u2': 'uint16',
  '<i4': 'int32',
  '<u4': 'uint32',
  '<i8': 'int64',
  '<u8': 'uint64',
  '|b1': 'bool',
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Parses a .npy file in C order, little-endian. Throws INVALID_DATA, naming `name`. */
export function parseNpy(bytes: Uint8Array, name = '.npy file'): Tensor {
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}`)
  }
  if (bytes.length < 12 || magic.some((byte, index) => bytes[index] !== byte)) fail('not a .npy file')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = bytes[6] === 1 ? 10 : 12
  const end = start + (bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (bytes.length < end) fail('truncated in its header')
  const header = new TextDecoder().decode(bytes.subarray(start, end))
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? fail(`no dtype in its header: ${header.trim()}`)
  const dtype = dtypes[descr] ?? fail(`element type '${descr}' is not supported`)
  if (/'fortran_order':\s*True/.test(header)) fail("it is in Fortran order; save it with order='C'")
  const dims = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? fail('no shape in its header'))
    .split(',')
    .map((text) => text.trim())
    .filter(Boolean)
    .map(Number)
  const expected = sizeOf(dims) * bytesPerElement(dtype)
  if (bytes.length - end !== expected)
    fail(`shape ${formatShape(dims)} needs ${expected} bytes of data, it has ${bytes.length - end}`)
  return new Tensor(dtype, new (arrayOf(dtype))(new Uint8Array(bytes.subarray(end)).buffer), dims)
}

/** `tensor` as a .npy file (version 1.0). Throws TYPE_MISMATCH for dtypes that NumPy lacks. */
export function formatNpy(tensor: Tensor): Uint8Array {
  const descr = Object.keys(dtypes).find((code) => dtypes[code] === tensor.type)
  if (!descr) throw new LanewiseError('TYPE_MISMATCH', `a ${tensor.type} tensor has no .npy form`)
  const shape = tensor.dims.length === 1 ? `(${tensor.dims[0]},)` : `(${tensor.dims.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array
  const bytes = new Uint8Array(length + byteLength)
  bytes.set([...magic, 1, 0])
  new DataView(bytes.buffer).setUint16(8, length - 10, true)
  bytes.set(new TextEncoder().encode(`${text.padEnd(length - 11)}\n`), 10)
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength), length)
  return bytes
}
