import { Worker } from 'node:worker_threads'
import type { Backend } from '../../src/backend/backend.js'
import type { LocalContent, WasmMemory } from '../../src/backend/wasm/memory.js'

/** The loop of the thread: waits for `strike`, takes a tile of the next step that threads share (CLAIMS of assembly/tape.ts), waits again. */
const program = `
const { workerData: { memory, flag }, parentPort } = require('node:worker_threads')
const claims = new BigInt64Array(memory.buffer, 0, 1)
const isTile = (word) => (word & 0x80000000n) === 0n
parentPort.postMessage('ready')
for (;;) {
  Atomics.wait(flag, 0, 0)
  Atomics.store(flag, 0, 2)
  Atomics.notify(flag, 0)
  while (!isTile(Atomics.load(claims, 0)) || !isTile(Atomics.add(claims, 0, 1n)));
  Atomics.store(flag, 0, 0)
}
`

/** A thread that takes a tile of a run and never does it, as does a worker thread that ends or hangs just then. */
export class Thief {
  readonly #worker: Worker
  readonly #flag = new Int32Array(new SharedArrayBuffer(4))

  private constructor(backend: Backend) {
    const { memory } = (backend as unknown as { memory: WasmMemory }).memory.content as LocalContent
    this.#worker = new Worker(program, { eval: true, workerData: { memory, flag: this.#flag } })
  }

  static async of(backend: Backend): Promise<Thief> {
    const thief = new Thief(backend)
    await new Promise((resolve) => thief.#worker.once('message', resolve))
    return thief
  }

  /** From here on the next run that is shared among threads misses a tile. */
  strike(): void {
    Atomics.store(this.#flag, 0, 1)
    Atomics.notify(this.#flag, 0)
    Atomics.wait(this.#flag, 0, 1)
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
