import { isNode, type KernelExports } from './module.js'

/** What the pool tells a worker: first `instantiate`, then `work`, which lasts until the pool stops. */
export type WorkerRequest =
  | { readonly kind: 'instantiate'; readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly kind: 'work'; readonly thread: number }

export type WorkerReply = 'ready'

/** Milliseconds that workers have to start. */
const START_LIMIT = 10_000

/** A worker of Node or of the web, behind one face. */
interface Helper {
  post(request: WorkerRequest): void
  /** Resolves on `ready`, rejects when the worker fails first. */
  readonly ready: Promise<void>
  terminate(): void
}

async function startHelper(): Promise<Helper> {
  const url = new URL('./worker.js', import.meta.url)
  if (isNode) {
    const { Worker } = await import('node:worker_threads')
    const worker = new Worker(url, { execArgv: [] })
    worker.unref()
    const ready = new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve())
      worker.on('error', reject)
      worker.once('exit', () => reject(new Error('the worker ended')))
    })
    return { post: (request) => worker.postMessage(request), ready, terminate: () => void worker.terminate() }
  }
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve()
    worker.onerror = (event) => reject(new Error(event.message))
  })
  return { post: (request) => worker.postMessage(request), ready, terminate: () => worker.terminate() }
}

/** The worker threads of one backend: all sit in `worker` of assembly/tape.ts on the backend's memory. */
export interface ThreadPool {
  /** The calling thread and the workers. */
  readonly threads: number
  /** Why there are fewer threads than asked for. */
  readonly notes: readonly string[]
  /** Ends the workers. */
  stop(): void
}

/**
 * Starts `threads - 1` workers on `module` and `memory`. Workers that fail or are not up within ten seconds are left
 * out, with a note. `exports` is the calling thread's instance.
 */
export async function startThreads(
  threads: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  exports: KernelExports,
): Promise<ThreadPool> {
  const notes: string[] = []
  const helpers: Helper[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not up within ${START_LIMIT / 1000} s`)), START_LIMIT)
  })
  limit.catch(() => {})
  await Promise.all(
    Array.from({ length: threads - 1 }, async () => {
      let helper: Helper | undefined
      try {
        helper = await startHelper()
        helper.ready.catch(() => {})
        helper.post({ kind: 'instantiate', module, memory })
        await Promise.race([helper.ready, limit])
        helpers.push(helper)
      } catch (error) {
        helper?.terminate()
        notes.push(`one thread less: a worker did not start: ${(error as Error).message}`)
      }
    }),
  )
  clearTimeout(timer)
  helpers.forEach((helper, index) => {
    helper.post({ kind: 'work', thread: index + 1 })
  })
  return {
    threads: helpers.length + 1,
    notes,
    stop() {
      exports.stop(helpers.length + 1)
      for (const helper of helpers) helper.terminate()
    },
  }
}

/** How many threads to use where nobody says: all cores, 8 at most. */
export async function availableThreads(): Promise<number> {
  if (isNode) return (await import('node:os')).availableParallelism()
  return typeof navigator === 'undefined' ? 1 : (navigator.hardwareConcurrency ?? 1)
}
