import type { Cursor, Source } from './source.js'

/** Bytes that hold numbers up to `limit`. */
const bytesFor = (limit: number): number => Math.floor(Math.log2(Math.max(1, limit)) / 8) + 1

const deepest = 16
const mostRecords = 100_000

/** What a link info or attribute info message says of where many links or attributes lie; undefined if they are in the header. */
export function densePlace(message: Cursor, orderSize: number): { heap: number; index: number } | undefined {
  message.skip(1)
  if (message.u8() & 1) message.skip(orderSize)
  const heap = message.address()
  return heap === undefined ? undefined : { heap, index: message.someAddress('an index') }
}

/**
 * Every object of a fractal heap (section III.G) that a version 2 B-tree (section III.A.2) of links (type 5) or attributes
 * (type 8) names.
 */
export function* denseObjects(source: Source, { heap, index }: { heap: number; index: number }): Generator<Cursor> {
  const open = fractalHeap(source, heap)
  for (const record of records(source, index)) yield open(record)
}

/** The heap IDs in the records of a version 2 B-tree. */
function* records(source: Source, address: number): Generator<Cursor> {
  const header = source.cursor(address).expect('BTHD', 'an index').skip(1)
  const type = header.u8()
  const nodeSize = header.u32()
  const recordSize = header.u16()
  const depth = header.u16()
  header.skip(2)
  const root = header.address()
  const rootRecords = header.u16()
  if (type !== 5 && type !== 8) source.fail(`damaged: an index of the type ${type}`)
  if (depth > deepest || recordSize < 11 || nodeSize < 64) source.fail('damaged: the header of an index')
  if (root === undefined) return
  const most = [Math.floor((nodeSize - 10) / recordSize)]
  const total = [most[0]]
  const countSize = bytesFor(most[0])
  const totalSize = (level: number) => (level === 0 ? 0 : bytesFor(total[level]))
  for (let level = 1; level <= depth; level++) {
    const pointer = source.offsetSize + countSize + totalSize(level - 1)
    most.push(Math.floor((nodeSize - 10 - pointer) / (recordSize + pointer)))
    total.push((most[level] + 1) * total[level - 1] + most[level])
  }
  let seen = 0
  const visit = function* (at: number, count: number, level: number): Generator<Cursor> {
    const node = source
      .cursor(at, nodeSize)
      .expect(level === 0 ? 'BTLF' : 'BTIN', 'a node of an index')
      .skip(2)
    seen += count + 1
    if (seen > mostRecords) source.fail('damaged: an index without end')
    const list = Array.from({ length: count }, () => node.part(recordSize))
    for (const record of list) yield type === 5 ? record.skip(4) : record
    if (level === 0) return
    for (let child = 0; child <= count; child++) {
      const next = node.someAddress('a child of an index')
      const size = node.integer(countSize)
      node.skip(totalSize(level - 1))
      yield* visit(next, size, level - 1)
    }
  }
  yield* visit(root, rootRecords, depth)
}

/** A way from the IDs of a fractal heap to its objects. */
function fractalHeap(source: Source, address: number): (id: Cursor) => Cursor {
  const header = source.cursor(address).expect('FRHP', 'a heap').skip(1)
  const idLength = header.u16()
  if (header.u16() > 0) source.unsupported('a heap with filters')
  header.skip(1)
  const largest = header.u32()
  header.skip(source.offsetSize * 2 + source.lengthSize * 10)
  const width = header.u16()
  const firstSize = header.length()
  const mostDirect = header.length()
  const offsetSize = Math.ceil(header.u16() / 8)
  header.skip(2)
  const root = header.address()
  const rootRows = header.u16()
  const bad = ![firstSize, mostDirect, width].every((size) => size > 0 && Number.isInteger(Math.log2(size)))
  if (bad || offsetSize < 1 || offsetSize > 8 || idLength < 2) source.fail('damaged: the header of a heap')
  const lengthSize = Math.min(Math.ceil(Math.log2(mostDirect) / 8), bytesFor(largest))
  const directRows = Math.log2(mostDirect) - Math.log2(firstSize) + 2
  const blockSize = (row: number) => firstSize * 2 ** Math.max(0, row - 1)
  const rowStart = (row: number) => (row === 0 ? 0 : width * firstSize * 2 ** (row - 1))

  /** Where the byte `offset` of an indirect block's space lies. */
  const find = (block: number, rows: number, offset: number, depth: number): number => {
    let row = 0
    while (row < rows && offset >= rowStart(row + 1)) row++
    if (row >= rows || depth > deepest) return source.fail('damaged: an object lies outside of its heap')
    const column = Math.floor((offset - rowStart(row)) / blockSize(row))
    const entry = source
      .cursor(block)
      .expect('FHIB', 'a block of a heap')
      .skip(1 + source.offsetSize + offsetSize + (row * width + column) * source.offsetSize)
    const inner = entry.someAddress('a block of a heap')
    const rest = offset - rowStart(row) - column * blockSize(row)
    if (row < directRows) return inner + rest
    return find(inner, Math.log2(blockSize(row)) - Math.log2(firstSize * width) + 1, rest, depth + 1)
  }

  return (id) => {
    const kind = id.u8() >> 4
    if (kind === 2) return source.unsupported('a tiny object in a heap')
    if (kind !== 0) return source.unsupported('a huge object in a heap')
    const offset = id.integer(offsetSize)
    const length = id.integer(lengthSize)
    if (root === undefined) return source.fail('damaged: a heap without blocks')
    return source.cursor(rootRows === 0 ? root + offset : find(root, rootRows, offset, 0), length)
  }
}
