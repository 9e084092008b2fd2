import { arrayOf, bytesPerElement, type NumericDType, type TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { MaybePromise } from '../backend.js'
import { parts } from './gen/kernels.js'
import { PAGE } from './instance.js'

/** Alignment of every block, and the slack behind each operand that vector kernels may read. */
const ALIGNMENT = 64

/** A page for the synchronisation block of assembly/tape.ts, and one for the binary of each part that comes later. */
const RESERVED = parts.length * PAGE
const INITIAL_PAGES = parts.length + 1
/** One page short of 4 GiB: the address after the last byte still fits 32 bits. */
const MAX_PAGES = 65535
/** Memory grows by whole mebibytes at least, as growing invalidates views. */
const GROWTH = 16

const alignUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

const formatBytes = (bytes: number): string =>
  bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`

interface Block {
  address: number
  bytes: number
}

/** The bytes of a memory: in reach of this thread, or with a worker that does everything in the order it is told. */
export interface Content {
  /** The most pages of 64 KiB that it may have. */
  readonly maxPages: number
  /** Adds pages. Throws where that fails; content elsewhere fails with the next read or run. */
  grow(pages: number): void
  /** Sets bytes to 0. */
  clear(address: number, bytes: number): void
  write(address: number, data: TypedArray): void
  /** A copy of `length` elements. */
  read(dtype: NumericDType, address: number, length: number): MaybePromise<TypedArray>
  /** As `read`, without a copy where the content is in reach: good until memory grows or is written. */
  peek(dtype: NumericDType, address: number, length: number): MaybePromise<TypedArray>
}

/** The most pages that a memory of `maxBytes` may have, 4 GiB less a page unless given. */
export const mostPages = (maxBytes = MAX_PAGES * PAGE): number =>
  Math.min(MAX_PAGES, Math.max(INITIAL_PAGES, Math.floor(maxBytes / PAGE)))

/** A WebAssembly.Memory of this thread. */
export class LocalContent implements Content {
  readonly memory: WebAssembly.Memory
  readonly maxPages: number

  /**
   * `maxBytes`: the most that the memory may grow to. A host that cannot reserve that
   * much address space for shared memory gets less, down to 256 MiB. Throws OUT_OF_MEMORY.
   */
  constructor({ shared, maxBytes }: { shared: boolean; maxBytes?: number }) {
    let maximum = mostPages(maxBytes)
    let memory: WebAssembly.Memory | undefined
    while (memory === undefined)
      try {
        memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared })
      } catch (cause) {
        if (maximum < 4096) throw new LanewiseError('OUT_OF_MEMORY', 'this host gives no WebAssembly memory', { cause })
        maximum = Math.ceil(maximum / 2)
      }
    this.memory = memory
    this.maxPages = maximum
  }

  grow(pages: number): void {
    this.memory.grow(pages)
  }

  clear(address: number, bytes: number): void {
    new Uint8Array(this.memory.buffer, address, bytes).fill(0)
  }

  write(address: number, data: TypedArray): void {
    const target = new Uint8Array(this.memory.buffer, address, data.byteLength)
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }

  /** By the array's constructor, which, unlike `slice`, does not clear the memory before it copies. */
  read(dtype: NumericDType, address: number, length: number): TypedArray {
    return new (arrayOf(dtype))(this.peek(dtype, address, length) as never)
  }

  peek(dtype: NumericDType, address: number, length: number): TypedArray {
    return new (arrayOf(dtype))(this.memory.buffer as ArrayBuffer, address, length)
  }
}

/**
 * The allocator of a backend's one linear memory: best fit over free blocks sorted by address, which merge with
 * their neighbours. Blocks are 64-byte aligned. The first pages are the kernels' own.
 */
export class WasmMemory {
  readonly content: Content
  readonly #free: Block[] = []
  readonly #used = new Map<number, number>()
  #usedBytes = 0
  #end = RESERVED

  /** The content must be fresh. */
  constructor(content: Content) {
    this.content = content
    this.#end = INITIAL_PAGES * PAGE
    this.#release(RESERVED, this.#end - RESERVED)
  }

  /** Bytes in blocks that are in use. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Bytes that the memory has taken from the host. */
  get totalBytes(): number {
    return this.#end
  }

  /** The address of a fresh block of at least `bytes` bytes; its content is undefined. Throws OUT_OF_MEMORY, naming `what`. */
  allocate(bytes: number, what = 'a block'): number {
    const size = Math.max(ALIGNMENT, alignUp(bytes))
    let best = this.#bestFit(size)
    if (best < 0) {
      this.#grow(size, what)
      best = this.#bestFit(size)
    }
    const block = this.#free[best]
    const { address } = block
    if (block.bytes === size) this.#free.splice(best, 1)
    else {
      block.address += size
      block.bytes -= size
    }
    this.#used.set(address, size)
    this.#usedBytes += size
    return address
  }

  /** Gives back the block at `address`. Throws INVALID_ARGUMENT if no block in use starts there. */
  free(address: number): void {
    const bytes = this.#used.get(address)
    if (bytes === undefined) throw new LanewiseError('INVALID_ARGUMENT', `no block in use at address ${address}`)
    this.#used.delete(address)
    this.#usedBytes -= bytes
    this.#release(address, bytes)
  }

  #bestFit(size: number): number {
    let best = -1
    for (let index = 0; index < this.#free.length; index++) {
      const { bytes } = this.#free[index]
      if (bytes >= size && (best < 0 || bytes < this.#free[best].bytes)) best = index
      if (bytes === size) break
    }
    return best
  }

  /** Inserts a free block by address and merges it with its neighbours. */
  #release(address: number, bytes: number): void {
    let low = 0
    let high = this.#free.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#free[middle].address < address) low = middle + 1
      else high = middle
    }
    const before = this.#free[low - 1]
    const after = this.#free[low]
    const joinsBefore = before !== undefined && before.address + before.bytes === address
    const joinsAfter = after !== undefined && address + bytes === after.address
    if (joinsBefore) {
      before.bytes += bytes + (joinsAfter ? after.bytes : 0)
      if (joinsAfter) this.#free.splice(low, 1)
    } else if (joinsAfter) {
      after.address = address
      after.bytes += bytes
    } else this.#free.splice(low, 0, { address, bytes })
  }

  #grow(size: number, what: string): void {
    const last = this.#free.at(-1)
    const trailing = last !== undefined && last.address + last.bytes === this.#end ? last.bytes : 0
    const pages = this.#end / PAGE
    const needed = Math.ceil((size - trailing) / PAGE)
    const free = this.#free.reduce((sum, block) => sum + block.bytes, 0) + (this.content.maxPages - pages) * PAGE
    const fail = (cause?: unknown): never => {
      throw new LanewiseError(
        'OUT_OF_MEMORY',
        `${what} needs ${formatBytes(size)} in one piece; ${formatBytes(this.#usedBytes)} are in use and ${formatBytes(free)} are left of ${formatBytes(this.content.maxPages * PAGE)}. Use a smaller batch, or dispose of sessions and models that are no longer needed`,
        { cause },
      )
    }
    if (pages + needed > this.content.maxPages) fail()
    const wanted = Math.min(this.content.maxPages - pages, Math.max(GROWTH, needed))
    let added = wanted
    try {
      this.content.grow(wanted)
    } catch (cause) {
      if (wanted === needed) fail(cause)
      added = needed
      try {
        this.content.grow(needed)
      } catch (again) {
        fail(again)
      }
    }
    const start = this.#end
    this.#end += added * PAGE
    this.#release(start, added * PAGE)
  }
}

/** Bytes that `size` elements of `dtype` take, with the slack that kernels may read behind them. */
export const operandBytes = (dtype: NumericDType, size: number): number => size * bytesPerElement(dtype) + ALIGNMENT

/** A stretch of wasm memory seen as an array of one type. */
export class MemoryView {
  readonly dtype: NumericDType
  readonly length: number
  readonly address: number
  readonly #content: Content

  constructor(memory: WasmMemory, dtype: NumericDType, address: number, length: number) {
    this.#content = memory.content
    this.dtype = dtype
    this.address = address
    this.length = length
  }

  /** The elements, live where they are in reach: good until memory grows or is written. */
  peek(): MaybePromise<TypedArray> {
    return this.#content.peek(this.dtype, this.address, this.length)
  }

  /** Copies `data` in. Throws TYPE_MISMATCH or SHAPE_MISMATCH, naming `what`. */
  write(data: TypedArray, what: string): void {
    if (data.length !== this.length)
      throw new LanewiseError('SHAPE_MISMATCH', `${what} has ${this.length} elements, got ${data.length}`)
    const expected = arrayOf(this.dtype)
    if (data.constructor !== expected)
      throw new LanewiseError(
        'TYPE_MISMATCH',
        `${what} is ${this.dtype} and takes a ${expected.name}, got a ${data.constructor.name}`,
      )
    this.#content.write(this.address, data)
  }

  /** A copy of the elements, in memory of its own. */
  read(): MaybePromise<TypedArray> {
    return this.#content.read(this.dtype, this.address, this.length)
  }
}
