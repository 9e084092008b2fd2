import { LanewiseError } from '../core/errors.js'
import { node } from '../core/node.js'
import { mapAhead } from './ahead.js'
import { type Answer, type Order, pack, unpack } from './worker-messages.js'

/** A worker of Node or of the web. */
interface AnyWorker {
  postMessage(message: unknown): void
  terminate(): unknown
}

/** The address of a worker's module, or what makes the worker. */
export type WorkerSource = string | URL | (() => AnyWorker | Promise<AnyWorker>)

/** One worker, and the orders that it has not answered. */
class MapWorker {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #worker: AnyWorker | undefined
  #failure: Error | undefined
  #orders = 0

  /** Throws BACKEND_UNAVAILABLE. */
  async start(source: WorkerSource): Promise<void> {
    try {
      this.#listen(await makeWorker(source))
    } catch (cause) {
      throw new LanewiseError('BACKEND_UNAVAILABLE', `a worker did not start: ${(cause as Error).message}`, { cause })
    }
  }

  #listen(worker: AnyWorker): void {
    this.#worker = worker
    const answer = (message: Answer) => {
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if ('error' in message) waiting?.reject(new LanewiseError('INVALID_DATA', `map in a worker: ${message.error}`))
      else waiting?.resolve(unpack(message.value))
    }
    const fail = (reason: string) => {
      this.#failure = new LanewiseError('WORKER_LOST', `a worker of a dataset failed: ${reason}`)
      for (const { reject } of this.#waiting.values()) reject(this.#failure)
      this.#waiting.clear()
    }
    if ('on' in worker) {
      const threads = worker as unknown as { on(event: string, listener: (value: never) => void): void }
      threads.on('message', answer)
      threads.on('error', (error: Error) => fail(error.message))
      threads.on('exit', (code: number) => fail(`it ended with status ${code}`))
    } else {
      const web = worker as Worker
      web.onmessage = ({ data }: MessageEvent<Answer>) => answer(data)
      web.onerror = (event) => fail(event.message)
    }
  }

  run(order: Omit<Order, 'id'>): Promise<unknown> {
    if (this.#failure) throw this.#failure
    const id = this.#orders++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker!.postMessage({ ...order, id, element: pack(order.element) } satisfies Order)
    })
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate()
  }
}

async function makeWorker(source: WorkerSource): Promise<AnyWorker> {
  if (typeof source === 'function') return source()
  if (!node) return new Worker(source, { type: 'module' })
  const [{ Worker: Thread }, { pathToFileURL }] = await Promise.all([node.threads(), node.url()])
  const url = typeof source === 'string' && !/^(file|data):/.test(source) ? pathToFileURL(source) : new URL(source)
  return new Thread(url, { execArgv: [] })
}

/** Elements that `workers` workers make, two for each of them ahead; in order. The workers end with the epoch. */
export async function* mapInWorkers<T, U>(
  elements: AsyncIterator<T>,
  source: WorkerSource,
  workers: number,
  seed: number,
  epoch: number,
): AsyncGenerator<U, void, undefined> {
  const pool = Array.from({ length: workers }, () => new MapWorker())
  try {
    await Promise.all(pool.map((worker) => worker.start(source)))
    const work = (element: T, index: number) => pool[index % workers].run({ element, seed, epoch, index }) as Promise<U>
    yield* mapAhead(elements, 2 * workers, work)
  } finally {
    await Promise.all(pool.map((worker) => worker.stop()))
  }
}
