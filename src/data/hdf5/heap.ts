import { decodeText, type Source } from './source.js'

/** The collections that hold variable-length strings (section III.E). */
export class GlobalHeap {
  readonly #source: Source
  readonly #collections = new Map<number, Map<number, Uint8Array>>()

  constructor(source: Source) {
    this.#source = source
  }

  /** Object `index` of the collection at `address`. */
  object(address: number, index: number): Uint8Array {
    const collection = this.#collections.get(address) ?? this.#read(address)
    return collection.get(index) ?? this.#source.fail(`damaged: a string refers to object ${index}, which is not there`)
  }

  #read(address: number): Map<number, Uint8Array> {
    const head = this.#source.cursor(address).expect('GCOL', 'a collection of strings').skip(4)
    const size = head.length()
    const cursor = this.#source.cursor(address, size).skip(8 + this.#source.lengthSize)
    const objects = new Map<number, Uint8Array>()
    while (cursor.left >= 8 + this.#source.lengthSize) {
      const index = cursor.u16()
      cursor.skip(6)
      const length = cursor.length()
      if (index === 0) break
      objects.set(index, cursor.take(length))
      cursor.skip(Math.min((8 - (length % 8)) % 8, cursor.left))
    }
    this.#collections.set(address, objects)
    return objects
  }
}

/** The text of `length` bytes, or of those before a zero. */
export function textOf(bytes: Uint8Array, length: number): string {
  const text = bytes.subarray(0, length)
  const zero = text.indexOf(0)
  return decodeText(zero < 0 ? text : text.subarray(0, zero))
}

/** A local heap: the names of a group's links (section III.D). */
export function readLocalHeap(source: Source, address: number): (offset: number) => string {
  const head = source.cursor(address).expect('HEAP', 'a heap of names').skip(4)
  const size = head.length()
  head.length()
  const start = head.someAddress('a heap of names')
  source.cursor(start, size)
  return (offset) => {
    if (offset > size) source.fail('damaged: a name lies outside of its heap')
    return source.cursor(start + offset, size - offset).text()
  }
}
