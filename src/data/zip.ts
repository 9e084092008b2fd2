import { inflateSync, zipSync } from 'fflate'
import { LanewiseError } from '../core/errors.js'
import { mismatch } from '../core/file-kinds.js'

/** No deflate stream is larger than this times its own size (RFC 1951: 258 bytes take 2 bits). */
const mostInflation = 1032
const signatures = { member: 0x04034b50, entry: 0x02014b50, end: 0x06054b50 } as const

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8)
  return ~crc >>> 0
}

/** The members of a zip archive; each is unpacked when it is asked for. */
export class ZipArchive {
  readonly #members = new Map<string, () => Uint8Array>()

  constructor(
    bytes: Uint8Array,
    /** What errors call it. */
    readonly name: string,
  ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    try {
      this.#readDirectory(bytes, view)
    } catch (error) {
      if (error instanceof RangeError) this.#fail('truncated or damaged')
      throw error
    }
  }

  /** Their names, in the archive's order; folders left out. */
  get names(): readonly string[] {
    return [...this.#members.keys()]
  }

  /** The content of a member, whose checksum was compared; undefined if there is none. Throws INVALID_DATA. */
  read(name: string): Uint8Array | undefined {
    return this.#members.get(name)?.()
  }

  /** `read` for a member that must be there. */
  need(name: string): Uint8Array {
    return this.read(name) ?? this.#fail(`it has no member '${name}'; it has ${this.names.slice(0, 10).join(', ')}`)
  }

  #fail(reason: string): never {
    throw new LanewiseError('INVALID_DATA', `${this.name}: ${reason}`)
  }

  #readDirectory(bytes: Uint8Array, view: DataView): void {
    let end = bytes.length - 22
    const lowest = Math.max(0, end - 0xffff)
    while (end >= lowest && view.getUint32(end, true) !== signatures.end) end--
    if (end < lowest)
      this.#fail((!isZip(bytes) && mismatch('a zip archive', bytes)) || 'not a zip archive, or a truncated one')
    const count = view.getUint16(end + 10, true)
    let at = view.getUint32(end + 16, true)
    if (at === 0xffffffff || count === 0xffff)
      this.#fail('zip archives of more than 4 GB or 65 534 members are not supported')
    for (let i = 0; i < count; i++) {
      if (view.getUint32(at, true) !== signatures.entry) this.#fail('damaged: its directory is broken')
      const method = view.getUint16(at + 10, true)
      const [crc, size, originalSize] = [16, 20, 24].map((offset) => view.getUint32(at + offset, true))
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true))
      const start = view.getUint32(at + 42, true)
      if (at + 46 + nameLength > bytes.length) this.#fail('truncated in its directory')
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
      const encrypted = (view.getUint16(at + 8, true) & 1) === 1
      if (!name.endsWith('/'))
        this.#members.set(name, () => {
          if (encrypted) this.#fail(`member '${name}' is encrypted`)
          if (start + 30 > bytes.length || view.getUint32(start, true) !== signatures.member)
            this.#fail(`damaged: member '${name}' is not where the directory says`)
          const from = start + 30 + view.getUint16(start + 26, true) + view.getUint16(start + 28, true)
          if (from + size > bytes.length) this.#fail(`truncated in member '${name}'`)
          return this.#unpack(name, bytes.subarray(from, from + size), method, originalSize, crc)
        })
      at += 46 + nameLength + extraLength + commentLength
    }
  }

  #unpack(name: string, stored: Uint8Array, method: number, size: number, crc: number): Uint8Array {
    if (method !== 0 && method !== 8) this.#fail(`member '${name}' is packed by a method other than deflate`)
    if (method === 0 ? size !== stored.length : size > mostInflation * stored.length + 64)
      this.#fail(`damaged: member '${name}' of ${size} bytes is said to take ${stored.length}`)
    let content = stored
    if (method === 8)
      try {
        content = inflateSync(stored, { out: new Uint8Array(size) })
      } catch (cause) {
        throw new LanewiseError('INVALID_DATA', `${this.name}: damaged: member '${name}' does not inflate`, { cause })
      }
    if (content.length !== size || crc32(content) !== crc)
      this.#fail(`damaged: the checksum of member '${name}' is wrong. Fetch the file again`)
    return content
  }
}

/** Whether `bytes` begin as a zip archive does. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5)

/** A zip archive of `members`, stored as they are. */
export const writeZip = (members: Readonly<Record<string, Uint8Array>>): Uint8Array => zipSync(members, { level: 0 })
