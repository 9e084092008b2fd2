/** Fields in little-endian order, one after the other. */
export class Fields {
  readonly bytes: number[] = []

  u8(...values: number[]): this {
    this.bytes.push(...values)
    return this
  }

  u16(...values: number[]): this {
    for (const value of values) this.bytes.push(value & 255, value >> 8)
    return this
  }

  u32(...values: number[]): this {
    for (const value of values) this.u16(value & 0xffff, value >>> 16)
    return this
  }

  /** Addresses and lengths, which take 8 bytes. */
  u64(...values: number[]): this {
    for (const value of values) this.u32(value % 2 ** 32, Math.floor(value / 2 ** 32))
    return this
  }

  /** The address that stands for none. */
  none(): this {
    return this.u8(...new Array<number>(8).fill(255))
  }

  ascii(text: string): this {
    for (const letter of text) this.bytes.push(letter.charCodeAt(0))
    return this
  }

  add(bytes: Iterable<number>): this {
    for (const byte of bytes) this.bytes.push(byte)
    return this
  }

  /** Zeros up to a multiple of 8. */
  align(): this {
    return this.fill(Math.ceil(this.bytes.length / 8) * 8)
  }

  /** Zeros up to `size` bytes. */
  fill(size: number): this {
    while (this.bytes.length < size) this.bytes.push(0)
    return this
  }
}

/** The parts of a file, each at a multiple of 8. */
export class Output {
  readonly #parts: Uint8Array[] = []
  #size = 0

  /** Appends `part`; gives its address. */
  add(part: Uint8Array | Fields): number {
    const bytes = part instanceof Fields ? Uint8Array.from(part.bytes) : part
    const address = this.#size
    this.#parts.push(bytes)
    this.#size += Math.ceil(bytes.length / 8) * 8
    return address
  }

  get size(): number {
    return this.#size
  }

  /** All parts; the first is replaced by `head` of the same size. */
  join(head: Fields): Uint8Array {
    const out = new Uint8Array(this.#size)
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += Math.ceil(part.length / 8) * 8
    }
    out.set(head.bytes)
    return out
  }
}
