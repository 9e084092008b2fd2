import { LanewiseError } from '../core/errors.js'

const truncated = () => new LanewiseError('INVALID_MODEL', 'not an ONNX model, or a truncated one')

/** The length-delimited fields of a protobuf message: their numbers and bytes. Throws INVALID_MODEL. */
export function* fieldsOf(message: Uint8Array): Generator<{ readonly field: number; readonly bytes: Uint8Array }> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      if (at >= message.length || scale > 2 ** 63) throw truncated()
      const byte = message[at++]
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const wire = tag % 8
    if (wire === 0) varint()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      if (length > message.length - at) throw truncated()
      yield { field: Math.floor(tag / 8), bytes: message.subarray(at, at + length) }
      at += length
    } else throw truncated()
  }
}
