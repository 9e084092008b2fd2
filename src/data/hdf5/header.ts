import type { Cursor, Source } from './source.js'

/** A message of an object header: HDF5 File Format Specification, section IV.A.2. */
export interface Message {
  readonly type: number
  /** Its data begin at the cursor's position; `open` gives a cursor at their start. */
  open(): Cursor
}

export const messageTypes = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  fillValue: 0x05,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const

const mostMessages = 65_536
const mostBlocks = 4096

/** All messages of the object whose header lies at `address`, those of its continuation blocks included. */
export function readHeader(source: Source, address: number): Message[] {
  source.countObject()
  const start = source.cursor(address)
  const isNew = start.left >= 4 && source.view.getUint32(start.position, true) === 0x5244484f
  const messages: Message[] = []
  const blocks: Cursor[] = []
  const seen = new Set<number>()
  let flags = 0
  if (isNew) {
    start.expect('OHDR', 'an object header')
    if (start.u8() !== 2) source.fail(`damaged at byte ${start.position}: an object header of an unknown version`)
    flags = start.u8()
    if (flags & 0x20) start.skip(16)
    if (flags & 0x10) start.skip(4)
    blocks.push(start.part(start.integer(1 << (flags & 3))))
  } else {
    const version = start.u8()
    if (version !== 1) source.fail(`damaged at byte ${start.position - 1}: no object header is there`)
    start.skip(7)
    const size = start.u32()
    blocks.push(start.skip(4).part(size))
  }
  for (const block of blocks) {
    const headSize = isNew ? 4 + (flags & 4 ? 2 : 0) : 8
    while (block.left >= headSize) {
      const type = isNew ? block.u8() : block.u16()
      const size = block.u16()
      const messageFlags = block.u8()
      block.skip(isNew ? headSize - 4 : 3)
      const data = block.part(size)
      const { position } = data
      if (messages.length >= mostMessages) source.fail(`damaged at byte ${position}: an object header without end`)
      if (type === messageTypes.continuation) {
        const next = data.someAddress('the rest of an object header')
        if (seen.has(next) || blocks.length >= mostBlocks)
          source.fail(`damaged at byte ${position}: an object header goes round in a circle`)
        seen.add(next)
        blocks.push(continuation(source, next, data.length(), isNew))
      } else
        messages.push({
          type,
          open: () => {
            if (messageFlags & 2) source.unsupported('a type that several objects share')
            return source.cursor(position - source.base, size)
          },
        })
    }
  }
  return messages
}

function continuation(source: Source, address: number, length: number, isNew: boolean): Cursor {
  const block = source.cursor(address, length)
  if (!isNew) return block
  block.expect('OCHK', 'the rest of an object header')
  return block.part(Math.max(0, block.left - 4))
}
