import { LanewiseError } from '../../core/errors.js'

/** Most objects that may be opened in one file: hostile files link the same groups over and over. */
const mostObjects = 200_000

/** The bytes of an HDF5 file; every read is checked. Addresses are relative to `base`. */
export class Source {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Sizes of addresses and of lengths in bytes, as the superblock says. */
  offsetSize = 8
  lengthSize = 8
  base = 0
  #objects = 0

  constructor(
    bytes: Uint8Array,
    readonly name: string,
  ) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Throws INVALID_DATA, naming the file. */
  fail(reason: string): never {
    throw new LanewiseError('INVALID_DATA', `${this.name}: ${reason}`)
  }

  /** Throws INVALID_DATA for things that a sound file may hold, but that are not read here; says what helps. */
  unsupported(what: string): never {
    return this.fail(`${what} is not supported; write the file anew with h5py's or Keras's defaults`)
  }

  countObject(): void {
    if (++this.#objects > mostObjects) this.fail('it links to more objects than a file of weights has')
  }

  /** Reads from `address` on, `length` bytes at most. */
  cursor(address: number, length?: number): Cursor {
    const start = this.base + address
    const end = length === undefined ? this.bytes.length : start + length
    if (!(start >= 0 && end <= this.bytes.length && start <= end))
      this.fail(
        `truncated or damaged: it refers to byte ${length === undefined ? start : end}, and has ${this.bytes.length}`,
      )
    return new Cursor(this, start, end)
  }
}

/** Reads little-endian fields one after the other, never past its end. */
export class Cursor {
  constructor(
    readonly source: Source,
    public position: number,
    readonly end: number,
  ) {}

  get left(): number {
    return this.end - this.position
  }

  #take(size: number): number {
    const { position } = this
    if (!(size >= 0 && size <= this.left))
      this.source.fail(`truncated or damaged at byte ${position}: ${size} more bytes were expected`)
    this.position += size
    return position
  }

  u8(): number {
    return this.source.view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.source.view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.source.view.getUint32(this.#take(4), true)
  }

  /** An unsigned integer of `size` bytes; undefined where all bits are set. Throws INVALID_DATA past 2^53. */
  #unsigned(size: number): number | undefined {
    let value = 0
    let allSet = true
    const start = this.#take(size)
    for (let i = size - 1; i >= 0; i--) {
      const byte = this.source.bytes[start + i]
      allSet &&= byte === 0xff
      value = value * 256 + byte
    }
    if (allSet) return undefined
    return Number.isSafeInteger(value) ? value : this.source.fail(`damaged at byte ${start}: a size of ${value}`)
  }

  /** An unsigned integer of `size` bytes. */
  integer(size: number): number {
    return this.#unsigned(size) ?? this.source.fail(`damaged at byte ${this.position - size}: a size is missing`)
  }

  /** An address; undefined where the file has none. */
  address(): number | undefined {
    return this.#unsigned(this.source.offsetSize)
  }

  /** An address that must be there. */
  someAddress(what: string): number {
    return this.address() ?? this.source.fail(`damaged: ${what} has no address`)
  }

  length(): number {
    return this.integer(this.source.lengthSize)
  }

  /** A length; undefined where it is unlimited. */
  limit(): number | undefined {
    return this.#unsigned(this.source.lengthSize)
  }

  skip(size: number): this {
    this.#take(size)
    return this
  }

  take(size: number): Uint8Array {
    const start = this.#take(size)
    return this.source.bytes.subarray(start, start + size)
  }

  /** A cursor over the next `size` bytes, which are passed. */
  part(size: number): Cursor {
    const start = this.#take(size)
    return new Cursor(this.source, start, start + size)
  }

  /** Text up to a zero byte, or `size` bytes where given. */
  text(size?: number): string {
    const limit = size === undefined ? this.end : this.#take(size) + size
    const start = size === undefined ? this.position : limit - size
    const zero = this.source.bytes.subarray(start, limit).indexOf(0)
    if (size === undefined) {
      if (zero < 0) this.source.fail(`damaged at byte ${start}: a name has no end`)
      this.position = start + zero + 1
    }
    return decodeText(this.source.bytes.subarray(start, zero < 0 ? limit : start + zero))
  }

  /** Passes `signature`. */
  expect(signature: string, what: string): this {
    const at = this.position
    for (const letter of signature)
      if (this.u8() !== letter.charCodeAt(0)) this.source.fail(`damaged at byte ${at}: ${what} was expected there`)
    return this
  }
}

const decoder = new TextDecoder()

export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes)
