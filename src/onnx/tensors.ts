import { allocate, arrayOf, type DType, dtypeOfCode, isBigInt, onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { formatShape, highestRank, mostElements, sizeOf, stridesOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { type ExternalFiles, externalBytes, isExternal } from './external.js'
import type { SparseTensorProto, TensorProto } from './messages.js'
import { isPacked, pack, packedBytes, unpack } from './packing.js'
import { wideToNumber } from './proto.js'

/** The element type of a TensorProto.DataType code. Throws INVALID_MODEL, or UNSUPPORTED_OP for complex numbers, naming `what`. */
export function decodeDType(code: number | undefined, what: string): DType {
  const dtype = dtypeOfCode(code ?? 0)
  if (code === 14 || code === 15)
    throw new LanewiseError('UNSUPPORTED_OP', `${what} has the element type ${code}: complex numbers are not supported`)
  if (dtype === undefined)
    throw new LanewiseError('INVALID_MODEL', `${what} has the element type ${code}, which ONNX does not have`)
  return dtype
}

const noFiles: ExternalFiles = new Map()

/**
 * A TensorProto as a Tensor; every length is checked before memory is taken. `files` holds the content of external
 * tensors. Throws INVALID_MODEL.
 */
export function decodeTensor(proto: TensorProto, files: ExternalFiles = noFiles): Tensor {
  const what = `tensor '${proto.name ?? ''}'`
  const dtype = decodeDType(proto.dataType, what)
  const dims = (proto.dims ?? []).map(wideToNumber)
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_MODEL', `${what} (${dtype} ${formatShape(dims)}): ${reason}`)
  }
  if (dims.some((dim) => dim < 0)) fail('a dimension is negative')
  if (dims.length > highestRank) fail(`it has more than ${highestRank} dimensions`)
  const size = sizeOf(dims)
  const expect = (length: number, field: string) => {
    if (length !== size) fail(`needs ${size} elements, ${field} holds ${length}`)
  }

  if (dtype === 'string') {
    const strings = proto.stringData ?? []
    expect(strings.length, 'string_data')
    const decoder = new TextDecoder()
    return new Tensor(
      'string',
      strings.map((bytes) => decoder.decode(bytes)),
      dims,
    )
  }
  const external = isExternal(proto)
  const raw = external ? externalBytes(proto, packedBytes(dtype, size), files) : proto.rawData
  if (raw && (external || raw.length)) {
    const bytes = packedBytes(dtype, size)
    if (raw.length !== bytes) fail(`needs ${bytes} bytes, raw_data holds ${raw.length}`)
    if (isPacked(dtype)) return new Tensor(dtype, unpack(dtype, raw, size), dims)
    return new Tensor(dtype, new (arrayOf(dtype))(new Uint8Array(raw).buffer), dims)
  }
  if (isBigInt(dtype)) {
    const unsigned = dtype === 'uint64'
    const values = (unsigned ? proto.uint64Data : proto.int64Data) ?? []
    expect(values.length, unsigned ? 'uint64_data' : 'int64_data')
    const data = allocate(dtype, size) as BigInt64Array
    values.forEach((value, index) => {
      data[index] = BigInt(value)
    })
    return new Tensor(dtype, data, dims)
  }
  const values = numbersOf(proto, dtype)
  if (isPacked(dtype)) {
    if (values.length !== packedBytes(dtype, size))
      fail(`needs ${packedBytes(dtype, size)} bytes, it has ${values.length}`)
    return new Tensor(dtype, unpack(dtype, values, size), dims)
  }
  expect(values.length, 'its data')
  const data = allocate(dtype, size) as Float32Array
  data.set(values)
  return new Tensor(dtype, data, dims)
}

function numbersOf(proto: TensorProto, dtype: DType): readonly number[] {
  if (dtype === 'float32') return proto.floatData ?? []
  if (dtype === 'float64') return proto.doubleData ?? []
  if (dtype === 'uint32') return (proto.uint64Data ?? []).map(wideToNumber)
  return proto.int32Data ?? []
}

/** A Tensor as a TensorProto, its elements as little-endian raw data. */
export function encodeTensor(tensor: Tensor, name = ''): TensorProto {
  const proto: TensorProto = { name, dims: [...tensor.dims], dataType: onnxTypeCode[tensor.type] }
  if (tensor.type === 'string') {
    const encoder = new TextEncoder()
    return { ...proto, stringData: (tensor.data as string[]).map((text) => encoder.encode(text)) }
  }
  if (isPacked(tensor.type)) return { ...proto, rawData: pack(tensor.type, tensor.data as Uint8Array) }
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array
  return { ...proto, rawData: new Uint8Array(buffer, byteOffset, byteLength) }
}

/** A SparseTensorProto as a dense Tensor: `values` [n] at `indices` [n] (linear) or [n, rank]. Throws INVALID_MODEL. */
export function decodeSparseTensor(proto: SparseTensorProto, files: ExternalFiles = noFiles): Tensor {
  const values = decodeTensor(proto.values ?? {}, files)
  const indices = decodeTensor(proto.indices ?? {}, files)
  const dims = (proto.dims ?? []).map(wideToNumber)
  const fail = (reason: string): never => {
    throw new LanewiseError(
      'INVALID_MODEL',
      `sparse tensor '${proto.values?.name ?? ''}' (${values.type} ${formatShape(dims)}): ${reason}`,
    )
  }
  if (dims.length > highestRank || dims.some((dim) => dim < 0)) fail('its dimensions are no shape')
  const size = sizeOf(dims)
  if (size > mostElements) fail(`more than ${mostElements} elements`)
  const count = values.size
  const width = indices.dims.length === 2 ? dims.length : 1
  if (indices.type !== 'int64' || indices.size !== count * width) fail('its indices do not fit its values')
  const strides = indices.dims.length === 2 ? stridesOf(dims) : [1]
  const places = indices.toNumbers()
  const dense = Tensor.zeros(values.type, dims)
  for (let item = 0; item < count; item++) {
    let place = 0
    for (let axis = 0; axis < width; axis++) {
      const index = places[item * width + axis]
      if (!(index >= 0 && index < (width === 1 ? size : dims[axis]))) fail(`the index ${index} is out of range`)
      place += index * strides[axis]
    }
    dense.data[place] = values.data[item]
  }
  return dense
}
