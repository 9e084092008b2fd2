import { type Helper, START_LIMIT, startHelper } from './files.js'
import type { KernelExports } from './instance.js'

/** The worker threads of one backend: all sit in `worker` of assembly/tape.ts on the backend's memory. */
export interface ThreadPool {
  /** The calling thread, and the workers that are up so far. */
  readonly threads: number
  /** Why there are fewer threads than asked for. */
  readonly notes: readonly string[]
  /** Resolves once every worker is up or was given up. */
  ready(): Promise<void>
  /** Ends the workers; resolves once none of them runs any more. */
  stop(): Promise<void>
}

/** The pool of a backend without workers. */
export const noWorkers: ThreadPool = { threads: 1, notes: [], ready: async () => {}, stop: async () => {} }

/**
 * Starts `threads - 1` workers on `module` and `memory`; they join as they come up, without the calling thread's doing.
 * A note tells of workers that fail, or are not up within ten seconds; these may still join. `exports` is the calling thread's instance.
 * `onLost` is called when a worker that was up is seen to have ended.
 */
export function startThreads(
  threads: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  exports: KernelExports,
  onLost: () => void,
): ThreadPool {
  const notes: string[] = []
  const helpers = new Set<Helper>()
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), START_LIMIT)
  })
  keepAlive(timer, false)
  const start = async (): Promise<void> => {
    let helper: Helper | undefined
    try {
      helper = await startHelper()
      helper.ready.catch(() => {})
      if (stopped) return await helper.terminate()
      helpers.add(helper)
      helper.post({ module, memory })
      if ((await Promise.race([helper.ready, limit])) === 'late' && !stopped)
        notes.push(`one thread less: a worker was not up within ${START_LIMIT / 1000} s`)
      Promise.all([helper.ready, helper.ended]).then(
        () => {
          if (!stopped) onLost()
        },
        () => {},
      )
    } catch (error) {
      void helper?.terminate()
      if (!stopped) notes.push(`one thread less: a worker did not start: ${(error as Error).message}`)
    }
  }
  const started = Promise.all(Array.from({ length: threads - 1 }, start)).then(() => clearTimeout(timer))
  return {
    get threads() {
      return Math.min(threads, 1 + exports.workers())
    },
    notes,
    ready() {
      keepAlive(timer, true)
      return started
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      exports.stop()
      await Promise.all([...helpers].map((helper) => helper.terminate()))
    },
  }
}

/** Whether a timer keeps the process from ending; in a browser there is nothing to say. */
export function keepAlive(timer: ReturnType<typeof setTimeout> | undefined, keep: boolean): void {
  if (typeof timer === 'object') keep ? timer.ref?.() : timer.unref?.()
}
