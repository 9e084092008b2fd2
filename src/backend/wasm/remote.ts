import type { NumericDType, TypedArray } from '../../core/dtype.js'
import { type ErrorCode, LanewiseError } from '../../core/errors.js'
import type { MaybePromise } from '../backend.js'
import type { Engine, EngineReport, EngineSettings } from './engine.js'
import { START_LIMIT, startEngineWorker } from './files.js'
import type { Part } from './gen/kernels.js'
import type { Content } from './memory.js'

/** What the worker of a remote engine does, by name: arguments and result. */
export interface Orders {
  start(settings: EngineSettings): { maxPages: number; report: EngineReport }
  ready(): EngineReport
  extend(parts: readonly Part[]): void
  grow(pages: number): void
  clear(address: number, bytes: number): void
  write(address: number, data: TypedArray): void
  read(dtype: NumericDType, address: number, length: number): TypedArray
  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): void
}

/** An order to the worker. It answers those that have a number; what fails of the others, it tells with the next answer. */
export interface Order {
  readonly number: number | undefined
  readonly name: keyof Orders
  readonly values: readonly unknown[]
}

export interface Answer {
  readonly number: number
  readonly value?: unknown
  readonly error?: { readonly code: ErrorCode; readonly message: string }
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * An engine in a worker of its own: the thread that it serves never computes, and never waits. The memory is the
 * worker's, so that this works without shared memory, too; orders are carried out one after the other.
 */
export class RemoteEngine implements Engine, Content {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  /** Parts of the kernels that the worker has. */
  readonly #parts = new Set<Part>(['core'])
  #sent = 0
  #failure: LanewiseError | undefined
  #report: EngineReport = { threads: 1, notes: [] }
  #maxPages = 0

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#receive(data)
    worker.onerror = (event) => {
      event.preventDefault()
      this.#fail(new LanewiseError('BACKEND_UNAVAILABLE', `the worker failed: ${event.message ?? 'it did not load'}`))
    }
  }

  /** Rejects with BACKEND_UNAVAILABLE when the worker does not start, and with what `startEngine` throws. */
  static async start(settings: EngineSettings): Promise<RemoteEngine> {
    let engine: RemoteEngine
    try {
      engine = new RemoteEngine(startEngineWorker())
    } catch (cause) {
      throw new LanewiseError('BACKEND_UNAVAILABLE', `no worker: ${(cause as Error).message}`, { cause })
    }
    const late = new LanewiseError('BACKEND_UNAVAILABLE', `the worker was not up within ${START_LIMIT / 1000} s`)
    const timer = setTimeout(() => engine.#fail(late), START_LIMIT)
    try {
      const { maxPages, report } = await engine.#ask('start', settings)
      engine.#maxPages = maxPages
      engine.#report = report
      return engine
    } catch (error) {
      engine.stop()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get content(): Content {
    return this
  }

  get maxPages(): number {
    return this.#maxPages
  }

  get report(): EngineReport {
    return this.#report
  }

  async ready(): Promise<void> {
    this.#report = await this.#ask('ready')
  }

  extend(parts: Iterable<Part>): MaybePromise<void> {
    const missing = [...parts].filter((part) => !this.#parts.has(part))
    if (missing.length > 0)
      return this.#ask('extend', missing).then(() => {
        for (const part of missing) this.#parts.add(part)
      })
  }

  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): Promise<void> {
    return this.#ask('run', tape, steps, parallel, repeatable)
  }

  grow(pages: number): void {
    this.#tell('grow', [pages])
  }

  clear(address: number, bytes: number): void {
    this.#tell('clear', [address, bytes])
  }

  write(address: number, data: TypedArray): void {
    const copy = data.slice()
    this.#tell('write', [address, copy], [copy.buffer as ArrayBuffer])
  }

  read(dtype: NumericDType, address: number, length: number): Promise<TypedArray> {
    return this.#ask('read', dtype, address, length)
  }

  peek(dtype: NumericDType, address: number, length: number): Promise<TypedArray> {
    return this.read(dtype, address, length)
  }

  stop(): void {
    this.#fail(new LanewiseError('DISPOSED', 'this backend was disposed of'))
  }

  #tell(name: keyof Orders, values: readonly unknown[], transfer: ArrayBuffer[] = [], number?: number): void {
    this.#worker.postMessage({ number, name, values } satisfies Order, transfer)
  }

  #ask<N extends keyof Orders>(name: N, ...values: Parameters<Orders[N]>): Promise<ReturnType<Orders[N]>> {
    if (this.#failure) return Promise.reject(this.#failure)
    const number = ++this.#sent
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as Waiting['resolve'], reject })
      this.#tell(name, values, [], number)
    })
  }

  #receive({ number, value, error }: Answer): void {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (error) waiting?.reject(new LanewiseError(error.code, error.message))
    else waiting?.resolve(value)
  }

  /** Ends the worker, and with it what waits for it. */
  #fail(error: LanewiseError): void {
    this.#failure ??= error
    this.#worker.terminate()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
