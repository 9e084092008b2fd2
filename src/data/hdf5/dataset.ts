import { LanewiseError } from '../../core/errors.js'
import { walkTree } from './btree.js'
import { countOf, type Datatype } from './datatype.js'
import type { Cursor, Source } from './source.js'

/** Where the elements of a dataset lie (section IV.A.2.i). */
export type Layout =
  | { readonly kind: 'compact'; readonly data: Uint8Array }
  | { readonly kind: 'contiguous'; readonly address: number | undefined }
  | { readonly kind: 'chunked'; readonly index: number | undefined; readonly chunk: readonly number[] }

export function readLayout(cursor: Cursor): Layout {
  const { source } = cursor
  const version = cursor.u8()
  if (version === 1 || version === 2) return oldLayout(cursor)
  if (version < 3 || version > 4) return source.unsupported(`a data layout of version ${version}`)
  const kind = cursor.u8()
  if (kind === 0) return { kind: 'compact', data: cursor.take(cursor.u16()) }
  if (kind === 1) return { kind: 'contiguous', address: cursor.address() }
  if (kind !== 2) return source.unsupported('a virtual dataset')
  if (version === 4) return source.unsupported('an index of chunks that libver="latest" writes')
  const rank = cursor.u8() - 1
  const index = cursor.address()
  return { kind: 'chunked', index, chunk: Array.from({ length: rank }, () => cursor.u32()) }
}

function oldLayout(cursor: Cursor): Layout {
  const rank = cursor.u8()
  const kind = cursor.u8()
  cursor.skip(5)
  const address = kind === 0 ? undefined : cursor.address()
  const sizes = Array.from({ length: rank }, () => cursor.u32())
  if (kind === 0) return { kind: 'compact', data: cursor.take(cursor.u32()) }
  if (kind === 1) return { kind: 'contiguous', address }
  return { kind: 'chunked', index: address, chunk: sizes.slice(0, -1) }
}

/** What was done to each chunk, in the order of writing. */
export type Filters = readonly { readonly id: number; readonly parameters: readonly number[] }[]

/** Reads a filter pipeline message (section IV.A.2.l). */
export function readFilters(cursor: Cursor): Filters {
  const version = cursor.u8()
  const count = cursor.u8()
  if (version === 1) cursor.skip(6)
  return Array.from({ length: count }, () => {
    const id = cursor.u16()
    const nameLength = version === 1 || id >= 256 ? cursor.u16() : 0
    cursor.skip(2)
    const values = cursor.u16()
    cursor.skip(version === 1 ? Math.ceil(nameLength / 8) * 8 : nameLength)
    const parameters = Array.from({ length: values }, () => cursor.u32())
    if (version === 1 && values % 2 === 1) cursor.skip(4)
    return { id, parameters }
  })
}

/** Inflates `bytes`, a zlib stream, to `size` bytes. */
export type Inflate = (bytes: Uint8Array, size: number) => Uint8Array

/** No zlib stream is larger than this times its own size (RFC 1951: 258 bytes take 2 bits). */
const mostInflation = 1032

/** The bytes of all elements, in row-major order. Throws INVALID_DATA before memory is taken that the file does not fill. */
export function readElements(
  source: Source,
  { type, shape, layout, filters }: { type: Datatype; shape: readonly number[]; layout: Layout; filters: Filters },
  inflate: Inflate,
): Uint8Array {
  const size = countOf(source, shape) * type.size
  if (size === 0) return new Uint8Array(0)
  if (layout.kind === 'compact')
    return layout.data.length >= size
      ? layout.data.subarray(0, size)
      : source.fail(`damaged: ${size} bytes of data were expected, ${layout.data.length} are there`)
  if (layout.kind === 'contiguous') {
    if (layout.address === undefined) source.fail('it holds a dataset that was never written')
    return source.cursor(layout.address, size).take(size)
  }
  return readChunks(source, type.size, shape, layout, filters, inflate)
}

function readChunks(
  source: Source,
  elementSize: number,
  shape: readonly number[],
  { index, chunk }: Layout & { kind: 'chunked' },
  filters: Filters,
  inflate: Inflate,
): Uint8Array {
  if (index === undefined) source.fail('it holds a dataset that was never written')
  if (chunk.length !== shape.length || chunk.includes(0))
    source.fail(`damaged: chunks of ${chunk.join(' x ')} for a shape of ${shape.join(' x ')}`)
  const chunkSize = countOf(source, chunk) * elementSize
  const expected = countOf(
    source,
    shape.map((dim, axis) => Math.ceil(dim / chunk[axis])),
  )
  const size = countOf(source, shape) * elementSize
  if (size > mostInflation * source.bytes.length)
    source.fail(`damaged: a dataset of ${size} bytes in a file of ${source.bytes.length}`)
  const packed = filters.some(({ id }) => id === 1)
  const found = new Map<string, { stored: Uint8Array; mask: number; origin: number[] }>()
  walkTree(source, index, 1, 8 + 8 * (shape.length + 1), (address, key) => {
    const stored = key.u32()
    const mask = key.u32()
    const origin = shape.map(() => key.integer(8))
    if (origin.some((at, axis) => at % chunk[axis] !== 0 || at >= shape[axis]))
      source.fail('damaged: a chunk lies outside of its dataset')
    if (chunkSize > (packed ? mostInflation * stored + 64 : stored + 64))
      source.fail(`damaged: a chunk of ${chunkSize} bytes in ${stored}`)
    found.set(origin.join(), { stored: source.cursor(address, stored).take(stored), mask, origin })
  })
  if (found.size !== expected) source.fail(`damaged: ${found.size} of ${expected} chunks of a dataset are there`)
  const out = new Uint8Array(size)
  for (const { stored, mask, origin } of found.values()) {
    const data = unfilter(source, stored, chunkSize, elementSize, filters, mask, inflate)
    if (data.length < chunkSize) source.fail(`damaged: a chunk has ${data.length} bytes instead of ${chunkSize}`)
    place(data, chunk, origin, out, shape, elementSize)
  }
  return out
}

/** Undoes the filters, the last first. */
function unfilter(
  source: Source,
  stored: Uint8Array,
  size: number,
  elementSize: number,
  filters: Filters,
  mask: number,
  inflate: Inflate,
): Uint8Array {
  let data = stored
  for (let i = filters.length - 1; i >= 0; i--) {
    const { id } = filters[i]
    if (mask & (1 << i)) continue
    if (id === 1) {
      try {
        data = inflate(data, size + 4)
      } catch (cause) {
        throw new LanewiseError('INVALID_DATA', `${source.name}: damaged: a chunk does not inflate`, { cause })
      }
    } else if (id === 2) data = unshuffle(data, elementSize)
    else if (id === 3) data = data.subarray(0, Math.max(0, data.length - 4))
    else source.unsupported(`the filter ${id} of a dataset`)
  }
  return data
}

/** Bytes of one place in all elements lie together; brings each element's together again. */
function unshuffle(data: Uint8Array, elementSize: number): Uint8Array {
  const count = Math.floor(data.length / elementSize)
  const out = data.slice()
  for (let byte = 0; byte < elementSize; byte++)
    for (let i = 0; i < count; i++) out[i * elementSize + byte] = data[byte * count + i]
  return out
}

/** Copies a chunk, less what lies past the edges, row by row. */
function place(
  data: Uint8Array,
  chunk: readonly number[],
  origin: readonly number[],
  out: Uint8Array,
  shape: readonly number[],
  elementSize: number,
): void {
  const rank = shape.length
  const strides = (dims: readonly number[]) => {
    const result = new Array<number>(rank).fill(elementSize)
    for (let axis = rank - 2; axis >= 0; axis--) result[axis] = result[axis + 1] * dims[axis + 1]
    return result
  }
  const from = strides(chunk)
  const to = strides(shape)
  const copy = (axis: number, source: number, target: number) => {
    const count = Math.min(chunk[axis], shape[axis] - origin[axis])
    if (axis === rank - 1) {
      out.set(data.subarray(source, source + count * elementSize), target)
      return
    }
    for (let i = 0; i < count; i++) copy(axis + 1, source + i * from[axis], target + i * to[axis])
  }
  if (rank === 0) out.set(data.subarray(0, elementSize))
  else
    copy(
      0,
      0,
      origin.reduce((sum, at, axis) => sum + at * to[axis], 0),
    )
}
