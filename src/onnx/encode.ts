import { type Field, type Message, type MessageName, messages, type ScalarKind, wireOf } from './messages.js'

/** Writes a message in protobuf's wire format: fields in the order of their numbers, repeated numbers packed. */
export function encode<Name extends MessageName>(name: Name, message: Message<Name>): Uint8Array<ArrayBuffer> {
  // From the end to the front: what is told of a message's length is known when it comes before it.
  let bytes = new Uint8Array(1024)
  let view = new DataView(bytes.buffer)
  let start = bytes.length
  const utf8 = new TextEncoder()

  /** Makes room for `length` bytes; gives where they begin. */
  const reserve = (length: number): number => {
    if (length > start) {
      const used = bytes.length - start
      const larger = new Uint8Array(Math.max(2 * bytes.length, used + length))
      larger.set(bytes.subarray(start), larger.length - used)
      start = larger.length - used
      bytes = larger
      view = new DataView(bytes.buffer)
    }
    start -= length
    return start
  }

  const varint = (value: number | bigint): void => {
    let rest = typeof value === 'number' && value >= 0 ? value : BigInt.asUintN(64, BigInt(value))
    const groups: number[] = []
    while (typeof rest === 'bigint') {
      groups.push(Number(rest & 127n))
      rest >>= 7n
      if (rest <= Number.MAX_SAFE_INTEGER) rest = Number(rest)
    }
    for (; rest > 127; rest = Math.floor(rest / 128)) groups.push(rest % 128)
    groups.push(rest)
    const first = reserve(groups.length)
    groups.forEach((group, index) => {
      bytes[first + index] = index === groups.length - 1 ? group : group | 128
    })
  }

  const block = (content: Uint8Array): void => {
    const first = reserve(content.length)
    bytes.set(content, first)
  }

  const scalars: Readonly<Record<ScalarKind, (value: never) => void>> = {
    int32: varint,
    int64: varint,
    uint64: varint,
    float: (value) => {
      const first = reserve(4)
      view.setFloat32(first, value, true)
    },
    double: (value) => {
      const first = reserve(8)
      view.setFloat64(first, value, true)
    },
    bytes: block,
    string: (value) => block(utf8.encode(value)),
  }

  const writeContent = (kind: Field[1], value: unknown): void => {
    const scalar = scalars[kind as ScalarKind]
    if (scalar) scalar(value as never)
    else write(messages[kind as MessageName], value as Record<string, unknown>)
  }

  /** A field's number, kind and, where it has one, length, before what `content` writes. */
  const writeField = (number: number, wire: number, content: () => void): void => {
    const end = bytes.length - start
    content()
    if (wire === 2) varint(bytes.length - start - end)
    varint(number * 8 + wire)
  }

  const write = (table: Readonly<Record<number, Field>>, fields: Readonly<Record<string, unknown>>): void => {
    for (const [key, [name, kind, repeated]] of Object.entries(table).reverse()) {
      const value = fields[name]
      if (value === undefined) continue
      const wire = wireOf(kind)
      const list = (repeated ? value : [value]) as readonly unknown[]
      if (repeated && wire !== 2 && list.length > 0)
        writeField(Number(key), 2, () => {
          for (let index = list.length - 1; index >= 0; index--) writeContent(kind, list[index])
        })
      else
        for (let index = list.length - 1; index >= 0; index--)
          writeField(Number(key), wire, () => writeContent(kind, list[index]))
    }
  }

  write(messages[name], message as Readonly<Record<string, unknown>>)
  return bytes.slice(start)
}
