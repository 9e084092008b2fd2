import { bytesPerElement, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Tensor } from '../../core/tensor.js'
import { messageTypes } from './header.js'
import { Fields, Output } from './output.js'

/** An attribute: a text, or a list of texts. */
export type AttributeContent = string | readonly string[]

/** A group to be written: attributes, each of less than 64 KiB, and what it holds by name. */
export interface GroupContent {
  readonly attributes?: Readonly<Record<string, AttributeContent>>
  readonly children: ReadonlyMap<string, GroupContent | Tensor>
}

/** Half the most entries of a part of a group, and half the most children of an index node: HDF5's defaults. */
const leafRank = 4
const indexRank = 16
/** The least size of a collection of strings. */
const collectionSize = 4096
/** Size of a superblock of version 0. */
const superblockSize = 96

const integer = (size: number, signed: boolean): Fields =>
  new Fields()
    .u8(0x10, signed ? 8 : 0, 0, 0)
    .u32(size)
    .u16(0, 8 * size)

/** Exponent and mantissa bits of an IEEE float. */
const float = (size: number, exponent: number, mantissa: number): Fields =>
  new Fields()
    .u8(0x11, 0x20, 8 * size - 1, 0)
    .u32(size)
    .u16(0, 8 * size)
    .u8(mantissa, exponent, 0, mantissa)
    .u32(2 ** (exponent - 1) - 1)

/** Datatype messages (HDF5 File Format Specification 3.0, section IV.A.2.d). */
const datatypes: Readonly<Partial<Record<NumericDType, Fields>>> = {
  float16: float(2, 5, 10),
  float32: float(4, 8, 23),
  float64: float(8, 11, 52),
  int8: integer(1, true),
  uint8: integer(1, false),
  bool: integer(1, false),
  int16: integer(2, true),
  uint16: integer(2, false),
  int32: integer(4, true),
  uint32: integer(4, false),
  int64: integer(8, true),
  uint64: integer(8, false),
}

/** UTF-8 text of variable length. */
const textType = new Fields().u8(0x19, 1, 1, 0).u32(16).add(integer(1, false).bytes)

/** UTF-8 text of `size` bytes, filled up with zeros. */
const fixedText = (size: number): Fields => new Fields().u8(0x13, 0x11, 0, 0).u32(size)

const dataspace = (dims: readonly number[]): Fields =>
  new Fields()
    .u8(1, dims.length, dims.length > 0 ? 1 : 0)
    .fill(8)
    .u64(...dims, ...dims)

const encoder = new TextEncoder()
const isGroup = (child: GroupContent | Tensor): child is GroupContent => 'children' in child

interface Message {
  readonly type: number
  readonly data: Fields
}

/** Where a group's header, index and heap lie. */
interface GroupPlace {
  readonly header: number
  readonly tree: number
  readonly heap: number
}

/** A collection of strings, and where it will lie. */
interface Texts {
  readonly fields: Fields
  readonly address: number
  readonly size: number
  count: number
}

class Writer {
  readonly output = new Output()
  /** The collection of strings that is being filled. */
  #texts: Texts | undefined
  readonly #collections: Texts[] = []

  write(root: GroupContent): Uint8Array {
    this.output.add(new Uint8Array(superblockSize))
    const place = this.#group(root)
    const bytes = this.output.join(superblock(place, this.output.size))
    for (const { address, fields, size } of this.#collections) {
      // What is left of a collection is one free object, whose number is 0.
      const left = size - fields.bytes.length
      if (left >= 16) fields.u16(0, 0).u32(0).u64(left)
      bytes.set(fields.bytes, address)
    }
    return bytes
  }

  #group({ attributes = {}, children }: GroupContent): GroupPlace {
    const names = new Map<string, Uint8Array>([...children.keys()].map((name) => [name, encoder.encode(name)]))
    const sorted = [...children].sort(([a], [b]) => compareBytes(names.get(a)!, names.get(b)!))
    const heapData = new Fields().fill(8)
    const entries = sorted.map(([name, child]) => {
      const offset = heapData.bytes.length
      heapData.add(names.get(name)!).u8(0).align()
      const entry = new Fields().u64(offset)
      if (isGroup(child)) {
        const { header, tree, heap } = this.#group(child)
        entry.u64(header).u32(1, 0).u64(tree, heap)
      } else entry.u64(this.#dataset(child)).u32(0, 0).u64(0, 0)
      return { offset, entry }
    })
    const tree = this.#tree(entries)
    const heapAddress = this.output.add(heapData)
    const heap = this.output.add(new Fields().ascii('HEAP').u32(0).u64(heapData.bytes.length, 1, heapAddress))
    const symbolTable = { type: messageTypes.symbolTable, data: new Fields().u64(tree, heap) }
    const texts = Object.entries(attributes).map(([name, text]) => this.#attribute(name, text))
    return { header: this.#header([symbolTable, ...texts]), tree, heap }
  }

  /** The entries in parts, under as many levels of index nodes as they need (sections III.A.1 and III.B). */
  #tree(entries: readonly { offset: number; entry: Fields }[]): number {
    const partOf = <T>(list: readonly T[], size: number): T[][] =>
      Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
    let below = partOf(entries, 2 * leafRank).map((part) => {
      const fields = new Fields().ascii('SNOD').u8(1, 0).u16(part.length)
      for (const { entry } of part) fields.add(entry.bytes)
      return { address: this.output.add(fields.fill(8 + 2 * leafRank * 40)), last: part[part.length - 1].offset }
    })
    for (let level = 0; ; level++) {
      const parts = below.length > 0 ? partOf(below, 2 * indexRank) : [[]]
      const nodes = parts.map((part, i) => {
        const before = i === 0 ? 0 : parts[i - 1][parts[i - 1].length - 1].last
        const size = 24 + (4 * indexRank + 1) * 8
        const fields = new Fields().ascii('TREE').u8(0, level).u16(part.length)
        // Nodes of one level follow each other in the file.
        for (const side of [i - 1, i + 1])
          if (side < 0 || side >= parts.length) fields.none()
          else fields.u64(this.output.size + (side < i ? -1 : 1) * size)
        fields.u64(before)
        for (const { address, last } of part) fields.u64(address, last)
        return { address: this.output.add(fields.fill(size)), last: part[part.length - 1]?.last ?? 0 }
      })
      if (nodes.length === 1) return nodes[0].address
      below = nodes
    }
  }

  #dataset(tensor: Tensor): number {
    const type = datatypes[tensor.type as NumericDType]
    if (!type) throw new LanewiseError('TYPE_MISMATCH', `a ${tensor.type} tensor has no form in HDF5 here`)
    const { buffer, byteOffset, byteLength } = tensor.data as TypedArray
    const size = tensor.size * bytesPerElement(tensor.type)
    const layout = new Fields().u8(3, 1)
    if (size === 0) layout.none()
    else layout.u64(this.output.add(new Uint8Array(buffer, byteOffset, byteLength)))
    return this.#header([
      { type: messageTypes.dataspace, data: dataspace(tensor.dims) },
      { type: messageTypes.datatype, data: type },
      { type: messageTypes.fillValue, data: new Fields().u8(2, 2, 2, 1).u32(0) },
      { type: messageTypes.layout, data: layout.u64(size) },
    ])
  }

  #attribute(name: string, content: AttributeContent): Message {
    const encodedName = encoder.encode(name)
    const isText = typeof content === 'string'
    const { type, dims, data: value } = isText ? this.#textValue(content) : listValue(content)
    const space = dataspace(dims)
    const data = new Fields()
      .u8(1, 0)
      .u16(encodedName.length + 1, type.bytes.length, space.bytes.length)
      .add(encodedName)
      .u8(0)
      .align()
      .add(type.bytes)
      .align()
      .add(space.bytes)
      .align()
    return { type: messageTypes.attribute, data: data.add(value.bytes) }
  }

  #textValue(text: string): AttributeValue {
    const content = encoder.encode(text)
    const { address, index } = this.#text(content)
    return { type: textType, dims: [], data: new Fields().u32(content.length).u64(address).u32(index) }
  }

  /** Keeps `content` in a collection of strings (section III.E). */
  #text(content: Uint8Array): { address: number; index: number } {
    const needed = 16 + Math.ceil(content.length / 8) * 8
    let texts = this.#texts
    if (!texts || texts.fields.bytes.length + needed > texts.size) {
      const size = Math.max(collectionSize, 16 + needed)
      texts = {
        fields: new Fields().ascii('GCOL').u32(1).u64(size),
        address: this.output.add(new Uint8Array(size)),
        size,
        count: 0,
      }
      this.#texts = texts
      this.#collections.push(texts)
    }
    const { fields, address } = texts
    const index = ++texts.count
    fields.u16(index, 0).u32(0).u64(content.length).add(content).align()
    return { address, index }
  }

  #header(messages: readonly Message[]): number {
    const body = new Fields()
    for (const { type, data } of messages) {
      const size = Math.ceil(data.bytes.length / 8) * 8
      body.u16(type, size).u8(0, 0, 0, 0).add(data.bytes).align()
    }
    const head = new Fields().u8(1, 0).u16(messages.length).u32(1, body.bytes.length, 0)
    return this.output.add(head.add(body.bytes))
  }
}

interface AttributeValue {
  readonly type: Fields
  readonly dims: readonly number[]
  readonly data: Fields
}

/** Texts of one size, as numpy has them; no texts are no numbers. */
function listValue(texts: readonly string[]): AttributeValue {
  const contents = texts.map((text) => encoder.encode(text))
  const size = Math.max(1, ...contents.map(({ length }) => length))
  const data = new Fields()
  contents.forEach((content, i) => void data.add(content).fill((i + 1) * size))
  return { type: contents.length === 0 ? float(8, 11, 52) : fixedText(size), dims: [contents.length], data }
}

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

/** Section II.A. */
const superblock = ({ header, tree, heap }: GroupPlace, size: number): Fields =>
  new Fields()
    .u8(0x89)
    .ascii('HDF\r\n')
    .u8(0x1a, 0x0a)
    .u8(0, 0, 0, 0, 0, 8, 8, 0)
    .u16(leafRank, indexRank)
    .u32(0)
    .u64(0)
    .none()
    .u64(size)
    .none()
    .u64(0, header)
    .u32(1, 0)
    .u64(tree, heap)

/**
 * An HDF5 file as h5py writes it by default: superblock 0, groups as symbol tables, numbers contiguous, texts of variable
 * length in UTF-8. Throws TYPE_MISMATCH for dtypes that HDF5 lacks.
 */
export function writeHdf5(root: GroupContent): Uint8Array {
  return new Writer().write(root)
}
