import { LanewiseError } from '../../core/errors.js'
import type { MaybePromise } from '../backend.js'
import type { Part } from './gen/kernels.js'
import { Instance, type KernelExports } from './instance.js'
import { type Content, LocalContent } from './memory.js'
import { loadKernels } from './module.js'
import type { Build } from './options.js'
import { keepAlive, noWorkers, startThreads, type ThreadPool } from './threads.js'

/** What an engine is started with; plain data, which a worker may get as a message. */
export interface EngineSettings {
  readonly build: Build
  /** Threads, the one that runs tapes among them. */
  readonly threads: number
  /** Looks at a word before a thread sleeps. */
  readonly spins: number
  /** Milliseconds without progress after which a thread is taken for lost. */
  readonly patience: number
  readonly maxBytes?: number | undefined
}

/** Threads that are up, and what runs slower than it could. */
export interface EngineReport {
  readonly threads: number
  readonly notes: readonly string[]
}

/** A memory, and the threads that run tapes in it, one tape after the other. */
export interface Engine {
  readonly content: Content
  readonly report: EngineReport
  /** Whether what is asked of it before a run has ended is done after that run. */
  readonly inOrder: boolean
  /** Resolves once every thread is up or was given up. */
  ready(): Promise<void>
  /** Brings parts of the kernels, all of which a tape needs before it runs. Rejects with BACKEND_UNAVAILABLE. */
  extend(parts: Iterable<Part>): MaybePromise<void>
  /**
   * Runs a tape, on all threads if `parallel`. Throws or rejects with NUMERIC_ERROR when an integer was divided by 0, with
   * BACKEND_UNAVAILABLE when a kernel traps. When a thread
   * stopped answering, the threads are replaced; then a tape that is `repeatable` (it overwrites nothing that it reads) runs
   * again, any other rejects with WORKER_LOST, and what it writes is undefined.
   */
  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): MaybePromise<void>
  /** Ends the threads. */
  stop(): void
}

/** Starts an engine on this thread. `core`: the .wasm file of that part, fetched unless given. Throws BACKEND_UNAVAILABLE, OUT_OF_MEMORY. */
export async function startEngine(settings: EngineSettings, core?: ArrayBuffer): Promise<LocalEngine> {
  const { build, threads, spins, patience, maxBytes } = settings
  const { module } = await loadKernels(build, 'core', core)
  const shared = build.startsWith('shared')
  const content = new LocalContent({ shared, maxBytes })
  const instance = new Instance(module, content.memory)
  const { exports } = instance
  exports.configure(spins, shared && !mayBlock() ? -1 : spins, patience)
  const openPool = (onLost: () => void) =>
    shared && threads > 1 ? startThreads(threads, module, content.memory, exports, onLost) : noWorkers
  return new LocalEngine(build, content, instance, openPool)
}

/** Whether the calling thread may sleep; a browser's main thread may not. */
function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)
    return true
  } catch {
    return false
  }
}

/**
 * Milliseconds of work on one thread after which others are started at once: about what it costs to start them. Until then
 * they would compete with a first result for the cores.
 */
const WORK_ALONE = 10

/** Pools that are started anew, each after the loss of a thread, before the calling thread goes on alone. */
const POOLS = 4

/**
 * An engine on this thread: tapes are done when `run` returns, unless it returns a promise. Other threads start when they are
 * asked for by `ready`, in the first idle moment after work that they would have shared, or in the midst of much such work.
 */
export class LocalEngine implements Engine {
  readonly content: LocalContent
  readonly inOrder = false
  readonly #build: Build
  readonly #instance: Instance
  readonly #exports: KernelExports
  readonly #openPool: (onLost: () => void) => ThreadPool
  #pool: ThreadPool | undefined
  #workAlone = 0
  #idle: ReturnType<typeof setTimeout> | undefined
  #losses = 0
  #mending: Promise<void> | undefined
  #stopped = false

  constructor(build: Build, content: LocalContent, instance: Instance, openPool: (onLost: () => void) => ThreadPool) {
    this.content = content
    this.#build = build
    this.#instance = instance
    this.#exports = instance.exports
    this.#openPool = openPool
  }

  get report(): EngineReport {
    const { threads, notes } = this.#pool ?? noWorkers
    if (this.#losses === 0) return { threads, notes }
    const outcome = this.#losses < POOLS ? 'and was replaced' : 'again and again: one thread goes on'
    return { threads, notes: [...notes, `a worker thread stopped answering ${outcome} (${this.#losses} so far)`] }
  }

  async ready(): Promise<void> {
    await this.#mending
    await this.#threads().ready()
  }

  extend(parts: Iterable<Part>): MaybePromise<void> {
    const missing = [...parts].filter((part) => !this.#instance.has(part))
    if (missing.length > 0) return this.#load(missing)
  }

  async #load(parts: readonly Part[]): Promise<void> {
    const loads = parts.map(async (part) => {
      const { module, bytes } = await loadKernels(this.#build, part)
      this.#instance.add(part, module, bytes)
    })
    await Promise.all(loads)
  }

  run(tape: number, steps: number, parallel: boolean, repeatable = false): MaybePromise<void> {
    if (this.#mending) return this.#mending.then(() => this.run(tape, steps, parallel, repeatable))
    try {
      if (!parallel) this.#exports.run(tape, steps, false)
      else if (this.#pool) this.#exports.run(tape, steps, this.#pool.threads > 1)
      else this.#runAlone(tape, steps)
    } catch (cause) {
      if (!this.#exports.lost()) this.#fail(cause)
      const again = () => this.#exports.run(tape, steps, false)
      return this.#replaceThreads(repeatable ? again : undefined).then(() => {
        if (!repeatable) throw new LanewiseError('WORKER_LOST', lossOf(this.report), { cause })
        this.#checkDivisions()
      })
    }
    this.#checkDivisions()
  }

  #runAlone(tape: number, steps: number): void {
    const start = Date.now()
    this.#exports.run(tape, steps, false)
    this.#workAlone += Date.now() - start
    if (this.#workAlone > WORK_ALONE) this.#threads()
    else if (this.#idle === undefined) {
      this.#idle = setTimeout(() => this.#threads())
      keepAlive(this.#idle, false)
    }
  }

  /** The other threads, which start now unless they have, or the engine is stopped. */
  #threads(): ThreadPool {
    clearTimeout(this.#idle)
    this.#pool ??= this.#stopped ? noWorkers : this.#openPool(this.#onLost)
    return this.#pool
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#idle)
    void this.#pool?.stop()
  }

  #checkDivisions(): void {
    if (this.#exports.dividedByZero()) throw new LanewiseError('NUMERIC_ERROR', 'integer division by zero')
  }

  #fail(cause: unknown): never {
    this.#exports.fail()
    throw new LanewiseError(
      'BACKEND_UNAVAILABLE',
      `a kernel stopped: ${(cause as Error).message}; this backend cannot be used any more`,
      { cause },
    )
  }

  /** Ends all workers and starts others, then does `work`; runs wait until that is done. */
  #replaceThreads(work?: () => void): Promise<void> {
    this.#mending ??= (async () => {
      await this.#pool?.stop()
      if (this.#stopped) return
      this.#exports.reset()
      this.#losses++
      this.#pool = this.#losses < POOLS ? this.#openPool(this.#onLost) : noWorkers
      console.warn(`lanewise: ${this.report.notes.at(-1)}`)
      await this.#pool.ready()
      work?.()
      this.#mending = undefined
    })()
    return this.#mending
  }

  readonly #onLost = (): void => void this.#replaceThreads()
}

const lossOf = ({ threads }: EngineReport): string =>
  `a worker thread stopped answering in the midst of a run, which was broken off: what it was to update may be half-written; ${threads} threads go on`
