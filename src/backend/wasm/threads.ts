import { type Helper, startHelper } from './files.js'
import type { KernelExports } from './module.js'

/** Milliseconds that workers have to start. */
const START_LIMIT = 10_000

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
