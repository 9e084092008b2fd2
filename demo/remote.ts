/** Functions that a worker does for the page, by name; they take and give what messages carry. */
export type Handlers = Readonly<Record<string, (...values: never[]) => unknown>>

interface Call {
  readonly number: number
  readonly name: string
  readonly values: readonly unknown[]
}

interface Reply {
  readonly number: number
  readonly value?: unknown
  readonly error?: string
}

/** In a worker: answers calls, one after the other. A result's typed arrays are handed over, not copied, where `transfers` names them. */
export function answer(handlers: Handlers, transfers: (value: unknown) => Transferable[] = () => []): void {
  let queue: Promise<unknown> = Promise.resolve()
  addEventListener('message', ({ data }: MessageEvent<Call>) => {
    const { number, name, values } = data
    queue = queue.then(async () => {
      try {
        const value = await (handlers[name] as (...values: readonly unknown[]) => unknown)(...values)
        postMessage({ number, value } satisfies Reply, { transfer: transfers(value) })
      } catch (error) {
        postMessage({ number, error: error instanceof Error ? error.message : String(error) } satisfies Reply)
      }
    })
  })
}

/** In the page: a worker whose functions are called by name. */
export class Remote<H extends Handlers> {
  readonly #start: () => Worker
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #worker: Worker | undefined
  #sent = 0

  constructor(start: () => Worker) {
    this.#start = start
  }

  /** Rejects with what the function throws, or when the worker does not start. */
  call<N extends keyof H & string>(name: N, ...values: Parameters<H[N]>): Promise<Awaited<ReturnType<H[N]>>> {
    return new Promise((resolve, reject) => {
      const number = ++this.#sent
      this.#waiting.set(number, { resolve: resolve as (value: unknown) => void, reject })
      this.#open().postMessage({ number, name, values } satisfies Call)
    })
  }

  /** Ends the worker and what runs in it; the next call starts another. */
  stop(reason: string): void {
    this.#worker?.terminate()
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(new Error(reason))
    this.#waiting.clear()
  }

  #open(): Worker {
    if (this.#worker) return this.#worker
    const worker = this.#start()
    worker.onmessage = ({ data: { number, value, error } }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(number)
      this.#waiting.delete(number)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    }
    worker.onerror = (event) => {
      event.preventDefault()
      this.stop(
        `a worker of this page failed: ${event.message || 'it did not load; the policy of this page may forbid it'}`,
      )
    }
    this.#worker = worker
    return worker
  }
}
