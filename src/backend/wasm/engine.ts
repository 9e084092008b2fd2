import { LanewiseError } from '../../core/errors.js'
import type { MaybePromise } from '../backend.js'
import type { Build } from './files.js'
import { type Content, LocalContent } from './memory.js'
import { instantiate, type KernelExports, loadModule } from './module.js'
import { noWorkers, startThreads, type ThreadPool } from './threads.js'

/** What an engine is started with; plain data, which a worker may get as a message. */
export interface EngineSettings {
  readonly build: Build
  /** Threads, the one that runs tapes among them. */
  readonly threads: number
  /** Looks at a word before a thread sleeps. */
  readonly spins: number
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
  /** Resolves once every thread is up or was given up. */
  ready(): Promise<void>
  /** Runs a tape, on all threads if `parallel`. Throws or rejects with BACKEND_UNAVAILABLE when a kernel traps. */
  run(tape: number, steps: number, parallel: boolean): MaybePromise<void>
  /** Ends the threads. */
  stop(): void
}

/** Starts an engine on this thread. Throws BACKEND_UNAVAILABLE, OUT_OF_MEMORY. */
export async function startEngine({ build, threads, spins, maxBytes }: EngineSettings): Promise<LocalEngine> {
  const module = await loadModule(build)
  const shared = build.startsWith('shared')
  const content = new LocalContent({ shared, maxBytes })
  const exports = instantiate(module, content.memory)
  exports.configure(spins, shared && !mayBlock() ? -1 : spins)
  const pool = shared && threads > 1 ? startThreads(threads, module, content.memory, exports) : noWorkers
  return new LocalEngine(content, exports, pool)
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

/** An engine on this thread: tapes are done when `run` returns. */
export class LocalEngine implements Engine {
  readonly content: LocalContent
  readonly #exports: KernelExports
  readonly #pool: ThreadPool

  constructor(content: LocalContent, exports: KernelExports, pool: ThreadPool) {
    this.content = content
    this.#exports = exports
    this.#pool = pool
  }

  get report(): EngineReport {
    return this.#pool
  }

  ready(): Promise<void> {
    return this.#pool.ready() as Promise<void>
  }

  run(tape: number, steps: number, parallel: boolean): void {
    try {
      this.#exports.run(tape, steps, parallel ? this.#pool.threads : 1)
    } catch (cause) {
      this.#exports.fail()
      throw new LanewiseError(
        'BACKEND_UNAVAILABLE',
        `a kernel stopped: ${(cause as Error).message}; this backend cannot be used any more`,
        { cause },
      )
    }
  }

  stop(): void {
    this.#pool.stop()
  }
}
