import type { VariableStore } from '../../backend/store.js'
import { type Batch, samplesOf } from './batch.js'
import { fedSources, type Samples } from './feed.js'
import { LogSums } from './logs.js'
import { fromTheStart, type PassHooks, type PassResult, type PassStart } from './pass.js'
import { runBatch, writeSamples } from './run-batch.js'
import type { SampleWeightOptions } from './samples.js'
import type { Trainer } from './trainer.js'

/** The same for the batches of a dataset, which stay in memory until then. */
const batchesKept = 20

/**
 * One pass over what `stream` gives, at most `most` batches with those before `start`, which it does not give. After the
 * loss of a device the last batches run again. Gives undefined when there was nothing.
 */
export async function passStream(
  trainer: Trainer,
  store: VariableStore,
  stream: AsyncIterator<Batch> | Iterator<Batch>,
  training: boolean,
  { batch: { begin, end }, progress, clock, stopped, locate }: PassHooks,
  options: SampleWeightOptions = {},
  start: PassStart = fromTheStart,
  most = Number.POSITIVE_INFINITY,
): Promise<PassResult | undefined> {
  let sums: LogSums | undefined
  let { batch: batches } = start
  locate?.(() => ({ batch: batches, sums: sums ? [...sums.snapshot()] : start.sums }))
  let hasKept = false
  const sinceKept: Samples[] = []
  const run = async (samples: Samples) => {
    if (training && (batches === start.batch || sinceKept.length === batchesKept)) await keep()
    const result = await runBatch(trainer, store, samples, training)
    if (training) sinceKept.push(samples)
    return result
  }
  const keep = async () => {
    await trainer.keepState(store)
    hasKept = true
    sinceKept.length = 0
  }
  /** Goes back, and has the trainer say what is not finite in the step for `samples`, the last one. */
  const explain = async (samples: Samples) => {
    trainer.explains = false
    trainer.rewind(store)
    for (const earlier of sinceKept.slice(0, -1)) await runBatch(trainer, store, earlier, true)
    const sources = fedSources(samples)
    await trainer.explain(store, sources, samples.count, (executable) => writeSamples(executable, samples, sources))
    await runBatch(trainer, store, samples, true)
  }
  /** Does `work`; after the loss of a device once more, when the batches since the kept state have run again. */
  const surely = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await trainer.recover(store, error, !hasKept)
      return surely(async () => {
        for (const samples of sinceKept) await runBatch(trainer, store, samples, training)
        return work()
      })
    }
  }
  while (batches < most) {
    const next = await stream.next()
    if (next.done) break
    const samples = samplesOf(trainer, next.value, options)
    await begin?.(batches)
    const { step, vector } = await surely(() => run(samples))
    if (!sums) {
      sums = new LogSums(step.entries)
      if (start.batch > 0) sums.restore(Float64Array.from(start.sums))
    }
    sums.add(step.terms, vector, samples.count)
    if (training && trainer.explains && !sums.isFinite) await surely(() => explain(samples))
    batches++
    await end?.(batches - 1, sums.logs())
    if (stopped()) break
    if (clock.isDue) {
      if (progress.animated) progress.update(batches, sums.logs())
      await clock.yield()
    }
  }
  if (!sums) return undefined
  if (training && store.backend.mayBeLost) await surely(keep)
  return { logs: sums.logs(), batches }
}

/** The result of a pass that `start` leaves nothing of; `batch` is one of its batches. */
export async function resultAt(
  trainer: Trainer,
  store: VariableStore,
  batch: Batch,
  start: PassStart,
): Promise<PassResult> {
  const samples = samplesOf(trainer, batch)
  const { entries } = await trainer.cached(store, fedSources(samples), samples.count, 'test')
  const sums = new LogSums(entries)
  sums.restore(Float64Array.from(start.sums))
  return { logs: sums.logs(), batches: start.batch }
}
