import type { NumericDType, TypedArray } from '../../core/dtype.js'
import { type ErrorCode, LanewiseError } from '../../core/errors.js'
import { type EngineReport, type EngineSettings, type LocalEngine, startEngine } from './engine.js'
import type { Part } from './gen/kernels.js'

/** What an engine is told from afar, by name: arguments and result. The first order is `start`. */
export interface Orders {
  /** As `startEngine`. */
  start(settings: EngineSettings, core?: ArrayBuffer): { maxPages: number; report: EngineReport }
  ready(): EngineReport
  extend(parts: readonly Part[]): void
  grow(pages: number): void
  clear(address: number, bytes: number): void
  write(address: number, data: TypedArray): void
  read(dtype: NumericDType, address: number, length: number): TypedArray
  run(tape: number, steps: number, parallel: boolean, repeatable?: boolean): void
}

/** Those that have a number are answered; what fails of the others, the next answer tells. */
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

type Handlers = {
  [N in keyof Orders]: (...values: Parameters<Orders[N]>) => ReturnType<Orders[N]> | Promise<ReturnType<Orders[N]>>
}

/** Carries out orders on an engine of this thread, one after the other. */
export class OrderTaker {
  #engine: LocalEngine | undefined
  readonly #answer: (answer: Answer, transfer: ArrayBuffer[]) => void
  /** Of an order that is not answered: from then on nothing here can be relied upon. */
  #failure: Answer['error']
  /** The last order that is not done at once: those after it wait. */
  #pending: Promise<void> | undefined

  constructor(answer: (answer: Answer, transfer: ArrayBuffer[]) => void) {
    this.#answer = answer
  }

  take(order: Order): void {
    const running = this.#pending ? this.#pending.then(() => this.#carryOut(order)) : this.#carryOut(order)
    if (!running) return
    this.#pending = running
    running.then(() => {
      if (this.#pending === running) this.#pending = undefined
    })
  }

  /** Ends the engine's threads. */
  stop(): void {
    this.#engine?.stop()
  }

  readonly #handlers: Handlers = {
    start: async (settings, core) => {
      this.#engine = await startEngine(settings, core)
      return { maxPages: this.#engine.content.maxPages, report: this.#report() }
    },
    ready: async () => {
      await this.#engine!.ready()
      return this.#report()
    },
    extend: (parts) => this.#engine!.extend(parts),
    grow: (pages) => this.#engine!.content.grow(pages),
    clear: (address, bytes) => this.#engine!.content.clear(address, bytes),
    write: (address, data) => this.#engine!.content.write(address, data),
    read: (dtype, address, length) => this.#engine!.content.read(dtype, address, length),
    run: (...order) => this.#engine!.run(...order),
  }

  #report(): EngineReport {
    const { threads, notes } = this.#engine!.report
    return { threads, notes: [...notes] }
  }

  #carryOut({ number, name, values }: Order): Promise<void> | undefined {
    if (this.#failure) {
      this.#tell(number, { error: this.#failure })
      return
    }
    try {
      const value = (this.#handlers[name] as (...values: readonly unknown[]) => unknown)(...values)
      if (value instanceof Promise)
        return value.then(
          (result) => this.#tell(number, { value: result }),
          (error) => this.#tell(number, { error: describe(error) }),
        )
      this.#tell(number, { value })
    } catch (error) {
      this.#tell(number, { error: describe(error) })
    }
  }

  #tell(number: number | undefined, result: Omit<Answer, 'number'>): void {
    if (number === undefined) this.#failure ??= result.error
    else {
      const { value } = result
      this.#answer({ number, ...result }, ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : [])
    }
  }
}

const describe = (error: unknown): Answer['error'] => ({
  code:
    error instanceof LanewiseError ? error.code : error instanceof RangeError ? 'OUT_OF_MEMORY' : 'BACKEND_UNAVAILABLE',
  message: (error as Error).message,
})
