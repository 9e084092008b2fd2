import { LanewiseError } from '../core/errors.js'
import { type Field, type Message, type MessageName, messages, wireOf } from './messages.js'

/** How deep messages may nest: a subgraph lies three levels below the graph around it. */
const deepest = 256

type Fields = Record<string, unknown>
type Table = Readonly<Record<number, Field | undefined>>

const damaged = (reason: string): never => {
  throw new LanewiseError('INVALID_MODEL', `not an ONNX model, or a truncated one: ${reason}`)
}

/**
 * Reads a message in protobuf's wire format. Unknown fields are skipped; of a field that is given more than once and does
 * not repeat, the last one counts; what holds bytes is a view of `bytes`. Throws INVALID_MODEL; `tooDeep` may throw
 * another error where messages nest too deep, of the messages from the outermost on, each as far as it is read.
 */
export function decode<Name extends MessageName>(
  name: Name,
  bytes: Uint8Array,
  tooDeep?: (path: readonly object[]) => void,
): Message<Name> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const path: Fields[] = []
  let at = 0

  /** Steps over `length` bytes of what ends at `end`; gives where they begin. */
  const step = (length: number, end: number): number => {
    if (length > end - at) damaged(`${length} bytes should follow byte ${at}, there are ${end - at}`)
    at += length
    return at - length
  }

  /** An unsigned integer of 64 bits; a number where it has at most 49. */
  const varint = (end: number): number | bigint => {
    let low = 0
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = bytes[step(1, end)]
      low += (byte & 127) * scale
      if (byte < 128) return low
    }
    let value = BigInt(low)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = bytes[step(1, end)]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    return damaged(`the number before byte ${at} is too long`)
  }

  /** The end of what a length says, which is read here. */
  const extent = (end: number): number => {
    const length = Number(varint(end))
    step(length, end)
    at -= length
    return at + length
  }

  const wide = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

  /** Names are short and in ASCII: no call of the decoder for them. */
  const text = (end: number): string => {
    for (let index = at; index < end; index++)
      if (bytes[index] > 127 || end - at > 512) return utf8.decode(bytes.slice(at, end))
    return String.fromCharCode.apply(null, bytes.subarray(at, end) as unknown as number[])
  }

  /** One of what a field holds; of what has a length, `end` is its own end. */
  const content = (kind: Field[1], end: number): unknown => {
    switch (kind) {
      case 'int32':
      case 'int64':
      case 'uint64': {
        const value = varint(end)
        if (kind === 'int32') return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value))
        return typeof value === 'number' ? value : wide(kind === 'int64' ? BigInt.asIntN(64, value) : value)
      }
      case 'float':
        return view.getFloat32(step(4, end), true)
      case 'double':
        return view.getFloat64(step(8, end), true)
      case 'bytes':
        return bytes.subarray(at, end)
      case 'string':
        return text(end)
      default:
        return read(messages[kind], end)
    }
  }

  /** Weights of old models, a million and more: a list of their own, so that it holds no boxed numbers. */
  const floats = (end: number, list: number[] = []): number[] => {
    while (at < end) list.push(view.getFloat32(step(4, end), true))
    return list
  }

  const skip = (wire: number, end: number, depth = 0): void => {
    if (wire === 0) varint(end)
    else if (wire === 1) step(8, end)
    else if (wire === 5) step(4, end)
    else if (wire === 2) at = extent(end)
    else if (wire === 3 && depth < deepest) {
      for (let inner = tag(end) % 8; inner !== 4; inner = tag(end) % 8) skip(inner, end, depth + 1)
    } else damaged(`there is no field at byte ${at}`)
  }

  const tag = (end: number): number => Number(varint(end))

  const read = (table: Table, end: number): Fields => {
    const message: Fields = {}
    path.push(message)
    if (path.length > deepest) {
      tooDeep?.(path)
      damaged(`its messages are nested more than ${deepest} deep`)
    }
    while (at < end) {
      const key = tag(end)
      const field = table[Math.floor(key / 8)]
      if (field) readField(message, field, key % 8, end)
      else skip(key % 8, end)
    }
    path.pop()
    return message
  }

  const readField = (message: Fields, field: Field, wire: number, end: number): void => {
    const name = field[0]
    const kind = field[1]
    const own = wireOf(kind)
    const repeated = field[2] !== undefined
    const packed = repeated && wire === 2 && own !== 2
    if (wire !== own && !packed) damaged(`the field '${name}' before byte ${at} is of another kind`)
    const until = wire === 2 ? extent(end) : end
    if (!repeated) message[name] = content(kind, until)
    else if (packed && kind === 'float') message[name] = floats(until, message[name] as number[])
    else {
      const list = (message[name] ??= []) as unknown[]
      if (!packed) list.push(content(kind, until))
      else while (at < until) list.push(content(kind, until))
    }
    if (wire === 2) at = until
  }

  return read(messages[name], bytes.length) as Message<Name>
}
