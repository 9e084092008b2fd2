import { arrayOf, bytesPerElement, type NumericDType, type TypedArray } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import { mismatch } from '../core/file-kinds.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

/** The format's type codes (huggingface/safetensors, README "Format"). */
const dtypes: Readonly<Record<string, NumericDType>> = {
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
  BF16: 'bfloat16',
  I8: 'int8',
  U8: 'uint8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  BOOL: 'bool',
}

/** Named tensors, and text by name. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** A .safetensors file. Throws TYPE_MISMATCH for string tensors. */
export function formatSafetensors({ tensors, metadata }: TensorFile): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let end = 0
  for (const [name, tensor] of tensors) {
    const dtype = Object.keys(dtypes).find((code) => dtypes[code] === tensor.type)
    if (!dtype) throw new LanewiseError('TYPE_MISMATCH', `tensor '${name}' is ${tensor.type}, which has no such form`)
    const start = end
    end += (tensor.data as TypedArray).byteLength
    header[name] = { dtype, shape: tensor.dims, data_offsets: [start, end] } satisfies Entry
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const length = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  let offset = 8 + length
  for (const tensor of tensors.values()) {
    const { buffer, byteOffset, byteLength } = tensor.data as TypedArray
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset)
    offset += byteLength
  }
  return bytes
}

/** Parses a .safetensors file. Throws INVALID_DATA, naming `name`. */
export function parseSafetensors(bytes: Uint8Array, name = '.safetensors file'): TensorFile {
  const fail = (reason: string, cause?: unknown): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}`, { cause })
  }
  if (bytes.length < 8)
    fail(mismatch('a safetensors file (weights without a model)', bytes) ?? 'truncated in its header')
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - 8)
    fail(
      mismatch('a safetensors file (weights without a model)', bytes) ??
        'not a safetensors file, or one truncated in its header',
    )
  let header: Record<string, Entry | Record<string, string>> = {}
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  } catch (cause) {
    fail('its header is not JSON', cause)
  }
  const data = bytes.subarray(8 + length)
  if (typeof header !== 'object' || header === null) fail('its header is not a JSON object')
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  const { __metadata__: metadata = {}, ...entries } = header
  const tensors = new Map<string, Tensor>()
  for (const [key, entry] of Object.entries(entries as Record<string, Entry | null>)) {
    const { dtype: code, shape, data_offsets: offsets } = entry ?? fail(`tensor '${key}' has no place`)
    const dtype = dtypes[code] ?? fail(`tensor '${key}' has the type '${code}'`)
    if (![shape, offsets].every((list) => Array.isArray(list) && list.every(isSize)))
      fail(`tensor '${key}' has no place`)
    const [start, end] = offsets
    if (end - start !== sizeOf(shape) * bytesPerElement(dtype)) fail(`tensor '${key}' has a size unlike its shape`)
    if (end > data.length) fail(`truncated in tensor '${key}'`)
    tensors.set(key, new Tensor(dtype, new (arrayOf(dtype))(new Uint8Array(data.subarray(start, end)).buffer), shape))
  }
  return { tensors, metadata: metadata as Record<string, string> }
}
