import { onnx } from 'onnx-proto'
import { LanewiseError } from '../core/errors.js'
import { nodeBeyond } from './depth.js'

export { onnx }

/** What protobufjs gives for a 64-bit field: a number, or a Long where that library is present. */
type Wide = number | { low: number; high: number; unsigned?: boolean }

export const wideToBigInt = (value: Wide, unsigned = false): bigint => {
  if (typeof value === 'number') return BigInt(value)
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0)
  return unsigned ? bits : BigInt.asIntN(64, bits)
}

/** A 64-bit field as a number. Throws INVALID_MODEL beyond 2^53. */
export const wideToNumber = (value: Wide | null | undefined): number => {
  const number = Number(wideToBigInt((value ?? 0) as Wide))
  if (!Number.isSafeInteger(number)) throw new LanewiseError('INVALID_MODEL', `the integer ${number} is out of range`)
  return number
}

/** How deep subgraphs may nest. */
export const deepestSubgraph = 64

/** Parses a ModelProto. Throws INVALID_MODEL when the bytes are not one. */
export function decodeModel(bytes: Uint8Array): onnx.ModelProto {
  let model: onnx.ModelProto
  try {
    model = onnx.ModelProto.decode(bytes)
  } catch (cause) {
    if (cause instanceof RangeError && /stack/.test(cause.message)) {
      const node = nodeBeyond(bytes, deepestSubgraph)
      const where = node === undefined ? 'the messages of the model are nested' : `${node} holds subgraphs nested`
      throw new LanewiseError('INVALID_MODEL', `${where} more than ${deepestSubgraph} deep`, { cause })
    }
    throw new LanewiseError(
      'INVALID_MODEL',
      `not an ONNX model, or a truncated one: the protobuf decoder says '${(cause as Error).message}'`,
      { cause },
    )
  }
  if (!model.graph) throw new LanewiseError('INVALID_MODEL', 'not an ONNX model: it holds no graph')
  return model
}
