import type { HostValue, TensorType } from '../core/ir.js'
import { onnx } from './proto.js'
import { decodeTensor } from './tensors.js'
import { fieldsOf } from './wire.js'

// Field numbers of SequenceProto and OptionalProto (onnx-data.proto).
const tensorField = 3
const sequenceField = 5

/**
 * The value that a file of a test or of a dataset holds: a TensorProto, a SequenceProto or an OptionalProto, as the
 * type of what it is for says; a tensor without one. Throws INVALID_MODEL.
 */
export function decodeValue(bytes: Uint8Array, type?: Pick<TensorType, 'container'>): HostValue {
  switch (type?.container) {
    case undefined:
      return decodeTensor(onnx.TensorProto.decode(bytes))
    case 'sequence':
      return decodeSequence(bytes)
    case 'optional':
    case 'optional(sequence)':
      for (const { field, bytes: element } of fieldsOf(bytes)) {
        if (field === tensorField) return decodeTensor(onnx.TensorProto.decode(element))
        if (field === sequenceField) return decodeSequence(element)
      }
      return null
  }
}

const decodeSequence = (bytes: Uint8Array): readonly HostValue[] =>
  [...fieldsOf(bytes)]
    .filter(({ field }) => field === tensorField)
    .map((item) => decodeTensor(onnx.TensorProto.decode(item.bytes)))
