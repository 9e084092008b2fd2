import type { HostValue, TensorType } from '../core/ir.js'
import { decode } from './decode.js'
import type { Message } from './messages.js'
import { decodeTensor } from './tensors.js'

/**
 * The value that a file of a test or of a dataset holds: a TensorProto, a SequenceProto or an OptionalProto, as the
 * type of what it is for says; a tensor without one. Throws INVALID_MODEL.
 */
export function decodeValue(bytes: Uint8Array, type?: Pick<TensorType, 'container'>): HostValue {
  switch (type?.container) {
    case undefined:
      return decodeTensor(decode('TensorProto', bytes))
    case 'sequence':
      return decodeSequence(decode('SequenceProto', bytes))
    case 'optional':
    case 'optional(sequence)': {
      const { tensorValue, sequenceValue } = decode('OptionalProto', bytes)
      if (tensorValue) return decodeTensor(tensorValue)
      return sequenceValue ? decodeSequence(sequenceValue) : null
    }
  }
}

const decodeSequence = ({ tensorValues }: Message<'SequenceProto'>): readonly HostValue[] =>
  (tensorValues ?? []).map((tensor) => decodeTensor(tensor))
