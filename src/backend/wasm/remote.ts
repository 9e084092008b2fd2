import type { NumericDType, TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { MaybePromise } from '../backend.js'
import type { Engine, EngineReport, EngineSettings } from './engine.js'
import { fetchCore, START_LIMIT, startEngineWorker } from './files.js'
import type { Part } from './gen/kernels.js'
import { type Content, mostPages } from './memory.js'
import type { Answer, Order, Orders } from './orders.js'

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Who takes orders: a worker, or what stands for it on this thread. */
interface Host {
  postMessage(order: Order, transfer: ArrayBuffer[]): void
  terminate(): void
}

/**
 * An engine in a worker of its own: the thread that it serves never computes, and never waits, not even for the worker to come
 * up. The memory is the worker's, so that this works without shared memory, too; orders are carried out one after the other.
 * Where no worker starts, this thread carries them out, which a note and the console tell. What fails rejects what was asked.
 */
export class RemoteEngine implements Engine, Content {
  readonly inOrder = true
  /** Once it has been told to start. */
  #host: Host | undefined
  readonly #waiting = new Map<number, Waiting>()
  /** Orders from before the host was up, which another in its place would get, too. */
  #early: Order[] | undefined = []
  /** Parts of the kernels that the worker has. */
  readonly #parts = new Set<Part>(['core'])
  #sent = 0
  #failure: LanewiseError | undefined
  readonly #notes: string[] = []
  #report: EngineReport = { threads: 1, notes: [] }
  /** More than there are where the host, once it is up, says so. */
  #maxPages: number

  constructor(settings: EngineSettings) {
    this.#maxPages = mostPages(settings.maxBytes)
    void this.#start(settings)
  }

  async #start(settings: EngineSettings): Promise<void> {
    try {
      await this.#startBeside(settings)
    } catch (error) {
      if (this.#failure) return
      this.#notes.push(`the page waits while it computes: ${(error as Error).message}`)
      console.warn(`lanewise: ${this.#notes.at(-1)}`)
      await this.#startHere({ ...settings, threads: 1 }).catch((fatal) => this.#fail(fatal))
    }
  }

  /** Rejects when the worker is not up in time. */
  async #startBeside(settings: EngineSettings): Promise<void> {
    const worker = startEngineWorker()
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      const failure = new Promise<never>((_, reject) => {
        const fail = (reason: string) => reject(new LanewiseError('BACKEND_UNAVAILABLE', reason))
        worker.onerror = (event) => {
          event.preventDefault()
          fail(`the worker failed: ${event.message ?? 'it did not load'}`)
        }
        timer = setTimeout(() => fail(`the worker was not up within ${START_LIMIT / 1000} s`), START_LIMIT)
      })
      failure.catch((error) => this.#early ?? this.#fail(error))
      worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#receive(data)
      // While the worker comes up, which fetches itself what the page cannot get.
      const core = await Promise.race([failure, fetchCore(settings.build).catch(() => undefined)])
      await Promise.race([failure, this.#open(worker, settings, core)])
    } catch (error) {
      worker.onmessage = null
      worker.terminate()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async #startHere(settings: EngineSettings): Promise<void> {
    const { OrderTaker } = await import('./orders.js')
    const taker = new OrderTaker((answer) => this.#receive(answer))
    const host: Host = { postMessage: (order) => taker.take(order), terminate: () => taker.stop() }
    await this.#open(host, settings)
  }

  /** Gives `host` all orders so far, and those that follow; resolves once it is up. */
  async #open(host: Host, settings: EngineSettings, core?: ArrayBuffer): Promise<void> {
    if (this.#failure) throw this.#failure
    const started = new Promise<unknown>((resolve, reject) => this.#waiting.set(0, { resolve, reject }))
    host.postMessage({ number: 0, name: 'start', values: [settings, core] }, core ? [core] : [])
    for (const order of this.#early!) host.postMessage(order, [])
    this.#host = host
    const { maxPages, report } = (await started) as ReturnType<Orders['start']>
    this.#early = undefined
    this.#maxPages = maxPages
    this.#report = report
  }

  get content(): Content {
    return this
  }

  get maxPages(): number {
    return this.#maxPages
  }

  get report(): EngineReport {
    const { threads, notes } = this.#report
    return { threads, notes: [...this.#notes, ...notes] }
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
    const order = { number, name, values }
    this.#early?.push(order)
    this.#host?.postMessage(order, this.#early ? [] : transfer)
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
    this.#early = undefined
    this.#host?.terminate()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
