import { type Part, parts } from './gen/kernels.js'

/** What the core of the kernels exports, see assembly/tape.ts. Addresses are byte offsets into its memory. */
export interface KernelExports extends Record<string, unknown> {
  configure(spins: number, callerSpins: number, patience: number): void
  run(tape: number, steps: number, shared: boolean): void
  workers(): number
  join(): number
  worker(thread: number): void
  stop(): void
  fail(): void
  lost(): number
  reset(): void
  dividedByZero(): number
  /** The dispatchers of the other parts, by part. */
  readonly table: WebAssembly.Table
}

export const PAGE = 65536
/** The word with a bit for each part whose binary lies in memory: that of part p in page p, behind its length. */
const PARTS = 228 >> 2

/**
 * The kernels of one thread on a memory: the core, and other parts as they come. Threads share memory only, so a part
 * reaches the others through it; they look for it before each run.
 */
export class Instance {
  readonly exports: KernelExports
  readonly #memory: WebAssembly.Memory
  /** The first page, which never moves. */
  readonly #words: Int32Array
  #present = 1

  constructor(core: WebAssembly.Module, memory: WebAssembly.Memory) {
    const words = new Int32Array(memory.buffer, 0, PAGE / 4)
    const sleep = (address: number, value: number, milliseconds: number): void => {
      Atomics.wait(words, address >> 2, value, milliseconds)
    }
    const wake = (address: number): void => {
      Atomics.notify(words, address >> 2)
    }
    const env = { memory, sleep, wake, extend: () => this.#extend() }
    this.exports = new WebAssembly.Instance(core, { env }).exports as KernelExports
    this.exports.table.grow(parts.length - 1)
    this.#memory = memory
    this.#words = words
  }

  has(part: Part): boolean {
    return (this.#present & bitOf(part)) !== 0
  }

  /** Takes a part in. With `bytes`, its binary, the other threads do so, too, before their next run. */
  add(part: Part, module: WebAssembly.Module, bytes?: Uint8Array): void {
    if (this.has(part)) return
    const imports = { env: { memory: this.#memory }, core: this.exports as unknown as WebAssembly.ModuleImports }
    const { dispatch } = new WebAssembly.Instance(module, imports).exports
    this.exports.table.set(parts.indexOf(part), dispatch)
    this.#present |= bitOf(part)
    if (!bytes) return
    const page = this.#page(part)
    new Int32Array(page.buffer, page.byteOffset)[0] = bytes.length
    page.set(bytes, 4)
    Atomics.or(this.#words, PARTS, bitOf(part))
  }

  /** Takes in what another thread has left. */
  #extend(): void {
    const missing = Atomics.load(this.#words, PARTS) & ~this.#present
    if (!missing) return
    for (const part of parts) {
      if (!(missing & bitOf(part))) continue
      const page = this.#page(part)
      const [length] = new Int32Array(page.buffer, page.byteOffset)
      this.add(part, new WebAssembly.Module(page.slice(4, 4 + length)))
    }
  }

  #page(part: Part): Uint8Array {
    return new Uint8Array(this.#memory.buffer, parts.indexOf(part) * PAGE, PAGE)
  }
}

const bitOf = (part: Part): number => 1 << parts.indexOf(part)
