import type { VariableStore } from '../../backend/store.js'
import type { Tensor } from '../../core/tensor.js'
import type { Callback } from '../callbacks.js'
import { invalid } from '../config.js'
import type { DataLike } from './data.js'
import { createFeed, type Feed, fedSources, type Samples } from './feed.js'
import { LogSums, type Logs } from './logs.js'
import { Progress } from './progress.js'
import type { LoadedStep, SampleWeightOptions, Trainer } from './trainer.js'

/** Gives the event loop a turn about every 50 ms. */
export class TurnClock {
  #last = performance.now()

  get isDue(): boolean {
    return performance.now() - this.#last > 50
  }

  async yield(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve)
      else setTimeout(resolve, 0)
    })
    this.#last = performance.now()
  }
}

/** The numbers 0 … count - 1. */
export const ascending = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

/** A batch of a dataset: [x, y], [x, y, sampleWeight], or an object. */
export type Batch =
  | readonly [x: DataLike, y: DataLike, sampleWeight?: DataLike]
  | { readonly x: DataLike; readonly y: DataLike; readonly sampleWeight?: DataLike }

/** Batches, produced anew for each epoch. */
export type Dataset = AsyncIterable<Batch>

export const isDataset = (value: unknown): value is Dataset =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** The arrays of a batch, checked. */
export function samplesOf(trainer: Trainer, batch: Batch, options: SampleWeightOptions = {}): Samples {
  const isList = (value: Batch): value is Extract<Batch, readonly unknown[]> => Array.isArray(value)
  const { x, y, sampleWeight } = isList(batch) ? { x: batch[0], y: batch[1], sampleWeight: batch[2] } : batch
  return trainer.samples(x, y, { ...options, sampleWeight })
}

/** Feeds `samples` as one batch and runs the step for it. */
export async function runBatch(
  trainer: Trainer,
  store: VariableStore,
  samples: Samples,
  training: boolean,
): Promise<{ step: LoadedStep; vector: Float32Array }> {
  const sources = fedSources(samples)
  const step = trainer.cached(store, sources, samples.count, training ? trainer.nextMode : 'test')
  const write = (tensors: readonly (Tensor | undefined)[], names: readonly ({ name: string } | undefined)[]) => {
    tensors.forEach((tensor, i) => {
      if (tensor) step.executable.write(names[i]!.name, tensor.data as Float32Array)
    })
  }
  write(samples.x, sources.x)
  write(samples.y, sources.y)
  write(samples.weights, sources.weights)
  if (training) trainer.feedScalars(step)
  await step.executable.run()
  const vector = await trainer.readLogs(step)
  if (training) trainer.compiled.optimizer.iterations++
  return { step, vector }
}

/** Samples in the backend's reach, with the steps that were loaded for them. */
export class Session {
  readonly #steps = new Map<string, LoadedStep>()
  readonly #feed: Feed

  constructor(
    readonly trainer: Trainer,
    readonly store: VariableStore,
    readonly samples: Samples,
    readonly batchSize: number,
    residentBytes = 2 ** 30,
  ) {
    this.#feed = createFeed(samples, batchSize, store, residentBytes)
  }

  get batches(): number {
    return Math.ceil(this.samples.count / this.batchSize)
  }

  step(batch: number, mode: 'update' | 'accumulate' | 'test'): LoadedStep {
    const key = `${mode} ${batch}`
    let step = this.#steps.get(key)
    if (!step) {
      step = this.trainer.load(this.store, this.#feed.sources, batch, mode)
      this.#steps.set(key, step)
    }
    return step
  }

  load(step: LoadedStep, order: Int32Array, from: number): void {
    this.#feed.load(step.executable, order, from, from + step.batch)
  }

  dispose(): void {
    for (const step of this.#steps.values()) step.executable.dispose()
    this.#feed.dispose()
  }
}

export interface PassHooks {
  readonly begin: readonly Callback[]
  readonly end: readonly Callback[]
  readonly progress: Progress
  readonly clock: TurnClock
  readonly stopped: () => boolean
}

/** One pass over the samples of `session` in `order`. Gives the logs and the number of batches that ran. */
export async function pass(
  session: Session,
  order: Int32Array,
  training: boolean,
  { begin, end, progress, clock, stopped }: PassHooks,
): Promise<{ logs: Logs; batches: number }> {
  const { trainer, batchSize } = session
  const { count } = session.samples
  const accumulating = training && trainer.compiled.optimizer.accumulationSteps > 1
  const optimizer = trainer.compiled.optimizer
  const size = Math.min(batchSize, count)
  const main = session.step(size, training ? 'update' : 'test')
  const sums = new LogSums(main.entries)
  let batches = 0
  for (let from = 0; from < count; from += batchSize) {
    const rows = Math.min(batchSize, count - from)
    const step = rows === size && !accumulating ? main : session.step(rows, training ? trainer.nextMode : 'test')
    for (const callback of begin) await callback.onBatchBegin!(batches)
    session.load(step, order, from)
    if (training) trainer.feedScalars(step)
    const running = step.executable.run()
    if (running) await running
    const read = trainer.readLogs(step)
    sums.add(step.terms, read instanceof Promise ? await read : read, rows)
    if (training) optimizer.iterations++
    batches++
    if (end.length > 0) {
      const logs = sums.logs()
      for (const callback of end) await callback.onBatchEnd!(batches - 1, logs)
      if (stopped()) break
    }
    if (clock.isDue) {
      if (progress.animated) progress.update(batches, sums.logs())
      await clock.yield()
      if (stopped()) break
    }
  }
  return { logs: sums.logs(), batches }
}

/** A pass that nothing watches. */
export const unwatched = (clock: TurnClock, progress = new Progress(0)): PassHooks => ({
  begin: [],
  end: [],
  progress,
  clock,
  stopped: () => false,
})

/** One pass over the batches that `dataset` gives. Throws INVALID_ARGUMENT when it gives none. */
export async function passDataset(
  trainer: Trainer,
  store: VariableStore,
  dataset: Dataset,
  training: boolean,
  { begin, end, progress, clock, stopped }: PassHooks,
  options: SampleWeightOptions = {},
): Promise<{ logs: Logs; batches: number }> {
  let sums: LogSums | undefined
  let batches = 0
  for await (const batch of dataset) {
    const samples = samplesOf(trainer, batch, options)
    for (const callback of begin) await callback.onBatchBegin!(batches)
    const { step, vector } = await runBatch(trainer, store, samples, training)
    sums ??= new LogSums(step.entries)
    sums.add(step.terms, vector, samples.count)
    batches++
    for (const callback of end) await callback.onBatchEnd!(batches - 1, sums.logs())
    if (stopped()) break
    if (clock.isDue) {
      if (progress.animated) progress.update(batches, sums.logs())
      await clock.yield()
    }
  }
  if (!sums) throw invalid('the dataset gave no batches; it must be iterable anew for each epoch')
  return { logs: sums.logs(), batches }
}
