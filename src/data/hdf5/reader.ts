import { unzlibSync } from 'fflate'
import type { NumericDType } from '../../core/dtype.js'
import { mismatch } from '../../core/file-kinds.js'
import { Tensor } from '../../core/tensor.js'
import { walkTree } from './btree.js'
import { type Filters, type Layout, readElements, readFilters, readLayout } from './dataset.js'
import { countOf, type Datatype, numbersOf, readDataspace, readDatatype, textsOf } from './datatype.js'
import { denseObjects, densePlace } from './dense.js'
import { type Message, messageTypes, readHeader } from './header.js'
import { GlobalHeap, readLocalHeap } from './heap.js'
import { type Cursor, Source } from './source.js'

/** Text, a list of texts, or numbers. */
export type AttributeValue = string | readonly string[] | Tensor

const deepest = 64

/** What groups and datasets have in common. */
abstract class Hdf5Object {
  #attributes: Map<string, AttributeValue> | undefined

  constructor(
    protected readonly file: File,
    /** From the root, without a leading slash. */
    readonly path: string,
    protected readonly messages: readonly Message[],
  ) {}

  /** Those that can be read: others (references, compounds) are left out. */
  get attributes(): ReadonlyMap<string, AttributeValue> {
    this.#attributes ??= this.#readAttributes()
    return this.#attributes
  }

  /** The text of an attribute; undefined if there is none, or if it is not a single text. */
  textAttribute(name: string): string | undefined {
    const value = this.attributes.get(name)
    if (typeof value === 'string') return value
    return Array.isArray(value) && value.length === 1 ? value[0] : undefined
  }

  #readAttributes(): Map<string, AttributeValue> {
    const { source } = this.file
    const attributes = new Map<string, AttributeValue>()
    for (const message of this.messages) {
      const place = message.type === messageTypes.attributeInfo ? densePlace(message.open(), 2) : undefined
      const found = message.type === messageTypes.attribute ? [message.open()] : place && denseObjects(source, place)
      for (const cursor of found ?? []) {
        const [name, value] = this.#readAttribute(cursor)
        if (value !== undefined) attributes.set(name, value)
      }
    }
    return attributes
  }

  #readAttribute(cursor: Cursor): [string, AttributeValue | undefined] {
    const { source, heap } = this.file
    const version = cursor.u8()
    if (version < 1 || version > 3)
      source.fail(`damaged at byte ${cursor.position}: an attribute of version ${version}`)
    const flags = cursor.u8()
    const sizes = [cursor.u16(), cursor.u16(), cursor.u16()]
    if (version === 3) cursor.skip(1)
    const parts = sizes.map((size) => cursor.part(version === 1 ? Math.ceil(size / 8) * 8 : size))
    const name = parts[0].text(sizes[0])
    if (version > 1 && flags !== 0) return [name, undefined]
    const type = readDatatype(parts[1])
    const shape = readDataspace(parts[2])
    if (shape === undefined || type.kind === 'unknown') return [name, undefined]
    const count = countOf(source, shape)
    if (type.kind === 'number') {
      const raw = cursor.take(count * type.size)
      return [name, new Tensor(type.dtype, numbersOf(type, raw, count), shape)]
    }
    const texts = textsOf(type, cursor, count, heap)
    return [name, shape.length === 0 ? texts[0] : texts]
  }
}

/** A group: its children by name. */
export class Hdf5Group extends Hdf5Object {
  #links: ReadonlyMap<string, number | undefined> | undefined
  readonly #children = new Map<string, Hdf5Group | Hdf5Dataset>()

  constructor(
    file: File,
    path: string,
    messages: readonly Message[],
    /** Addresses of this group and of those above it. */
    readonly chain: readonly number[],
  ) {
    super(file, path, messages)
  }

  get names(): readonly string[] {
    return [...this.#table.keys()]
  }

  /** What lies under a path of names, separated by `/`; undefined if there is nothing. Throws INVALID_DATA. */
  get(path: string): Hdf5Group | Hdf5Dataset | undefined {
    let here: Hdf5Group | Hdf5Dataset | undefined = this
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (!(here instanceof Hdf5Group)) return undefined
      here = here.#child(name)
    }
    return here
  }

  group(path: string): Hdf5Group | undefined {
    const found = this.get(path)
    return found instanceof Hdf5Group ? found : undefined
  }

  dataset(path: string): Hdf5Dataset | undefined {
    const found = this.get(path)
    return found instanceof Hdf5Dataset ? found : undefined
  }

  /** Every dataset below this group, with its path from here. */
  *datasets(): Generator<[path: string, dataset: Hdf5Dataset]> {
    for (const name of this.names) {
      const child = this.#child(name)!
      if (child instanceof Hdf5Dataset) yield [name, child]
      else for (const [path, dataset] of child.datasets()) yield [`${name}/${path}`, dataset]
    }
  }

  #child(name: string): Hdf5Group | Hdf5Dataset | undefined {
    const known = this.#children.get(name)
    if (known) return known
    if (!this.#table.has(name)) return undefined
    const { source } = this.file
    const path = this.path === '' ? name : `${this.path}/${name}`
    const address = this.#table.get(name) ?? source.unsupported(`'${path}', a soft or external link,`)
    if (this.chain.includes(address) || this.chain.length > deepest)
      source.fail(`damaged: the group '${path.slice(0, 200)}' holds itself, or lies too deep`)
    const child = openObject(this.file, path, address, this.chain)
    this.#children.set(name, child)
    return child
  }

  get #table(): ReadonlyMap<string, number | undefined> {
    this.#links ??= this.#readLinks()
    return this.#links
  }

  #readLinks(): Map<string, number | undefined> {
    const { source } = this.file
    const links = new Map<string, number | undefined>()
    for (const { type, open } of this.messages) {
      if (type === messageTypes.symbolTable) readSymbolTable(source, open(), links)
      if (type === messageTypes.link) readLink(open(), links)
      const place = type === messageTypes.linkInfo ? densePlace(open(), 8) : undefined
      if (place) for (const link of denseObjects(source, place)) readLink(link, links)
    }
    if (links.has('')) source.fail(`damaged: the group '${this.path.slice(0, 200)}' holds what has no name`)
    return links
  }
}

/** A dataset: numbers or texts with a shape. */
export class Hdf5Dataset extends Hdf5Object {
  readonly shape: readonly number[]
  readonly #type: Datatype
  readonly #layout: Layout
  readonly #filters: Filters

  constructor(file: File, path: string, messages: readonly Message[]) {
    super(file, path, messages)
    const { source } = file
    const message = (type: number, what: string) =>
      (messages.find((item) => item.type === type) ?? source.fail(`damaged: dataset '${path}' has no ${what}`)).open()
    const filters = messages.find((item) => item.type === messageTypes.filters)
    this.#type = readDatatype(message(messageTypes.datatype, 'type'))
    this.shape = readDataspace(message(messageTypes.dataspace, 'shape')) ?? [0]
    this.#layout = readLayout(message(messageTypes.layout, 'place'))
    this.#filters = filters ? readFilters(filters.open()) : []
  }

  /** Undefined for what are not numbers. */
  get dtype(): NumericDType | undefined {
    return this.#type.kind === 'number' ? this.#type.dtype : undefined
  }

  /** A copy of the numbers. Throws INVALID_DATA. */
  read(): Tensor {
    const { source } = this.file
    const type = this.#type
    if (type.kind !== 'number') {
      const what = type.kind === 'unknown' ? type.what : 'text'
      return source.fail(`the dataset '${this.path}' holds elements of the type ${what} instead of numbers`)
    }
    const raw = readElements(source, { type, shape: this.shape, layout: this.#layout, filters: this.#filters }, inflate)
    return new Tensor(type.dtype, numbersOf(type, raw, countOf(source, this.shape)), this.shape)
  }
}

const inflate = (bytes: Uint8Array, size: number): Uint8Array => unzlibSync(bytes, { out: new Uint8Array(size) })

interface File {
  readonly source: Source
  readonly heap: GlobalHeap
}

function openObject(file: File, path: string, address: number, above: readonly number[]): Hdf5Group | Hdf5Dataset {
  const messages = readHeader(file.source, address)
  const isGroup = !messages.some(({ type }) => type === messageTypes.layout)
  return isGroup ? new Hdf5Group(file, path, messages, [...above, address]) : new Hdf5Dataset(file, path, messages)
}

/** Links of a group in the old form: a B-tree of symbol nodes, names in a heap (sections III.A.1, III.B, III.C). */
function readSymbolTable(source: Source, message: Cursor, links: Map<string, number | undefined>): void {
  const tree = message.someAddress('a group')
  const nameAt = readLocalHeap(source, message.someAddress('a heap of names'))
  walkTree(source, tree, 0, source.lengthSize, (address) => {
    const node = source.cursor(address).expect('SNOD', 'a part of a group').skip(2)
    const symbols = node.u16()
    for (let i = 0; i < symbols; i++) {
      source.countObject()
      const name = nameAt(node.integer(source.offsetSize))
      const target = node.address()
      const isSoft = node.u32() === 2
      node.skip(20)
      links.set(name, isSoft ? undefined : target)
    }
  })
}

/** A link in the new form (section IV.A.2.g). */
function readLink(cursor: Cursor, links: Map<string, number | undefined>): void {
  const { source } = cursor
  if (cursor.u8() !== 1) source.fail(`damaged at byte ${cursor.position}: a link of an unknown version`)
  const flags = cursor.u8()
  const type = flags & 8 ? cursor.u8() : 0
  if (flags & 4) cursor.skip(8)
  if (flags & 16) cursor.skip(1)
  const name = cursor.text(cursor.integer(1 << (flags & 3)))
  links.set(name, type === 0 ? cursor.address() : undefined)
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

/** Whether `bytes` begin as an HDF5 file without a user block does. */
export const isHdf5 = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte)

/**
 * The root group of an HDF5 file: superblocks 0 to 3, groups as symbol tables and as links in headers and heaps, numbers
 * contiguous, compact and in chunks with deflate and shuffle. Follows the HDF5 File Format Specification 3.0. Throws INVALID_DATA, naming
 * `name`, for a damaged file and for what is not supported; no read takes more memory than the file can fill.
 */
export function readHdf5(bytes: Uint8Array, name = '.h5 file'): Hdf5Group {
  const source = new Source(bytes, name)
  const root = readSuperblock(source)
  const object = openObject({ source, heap: new GlobalHeap(source) }, '', root, [])
  return object instanceof Hdf5Group ? object : source.fail('damaged: its root is not a group')
}

/** The address of the root group's header (sections II.A and II.B). */
function readSuperblock(source: Source): number {
  let start = 0
  while (!isHdf5(source.bytes.subarray(start, start + 8))) {
    start = start === 0 ? 512 : 2 * start
    if (start >= source.bytes.length) source.fail(mismatch('an HDF5 file', source.bytes) ?? 'not an HDF5 file')
  }
  const cursor = source.cursor(start).skip(8)
  const version = cursor.u8()
  if (version > 3) source.unsupported(`a superblock of version ${version}`)
  if (version < 2) cursor.skip(4)
  source.offsetSize = cursor.u8()
  source.lengthSize = cursor.u8()
  for (const size of [source.offsetSize, source.lengthSize])
    if (![2, 4, 8].includes(size)) source.fail(`damaged: addresses of ${size} bytes`)
  if (version < 2) cursor.skip(version === 1 ? 13 : 9)
  else cursor.skip(1)
  source.base = cursor.integer(source.offsetSize)
  cursor.address()
  const size = cursor.address() ?? 0
  if (size > source.bytes.length) source.fail(`truncated: ${source.bytes.length} of ${size} bytes`)
  if (version < 2) cursor.skip(2 * source.offsetSize)
  return cursor.someAddress('the root group')
}
