import type { Backend, Executable, MaybePromise } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import { Tensor } from '../../core/tensor.js'
import type { TurnClock } from '../../core/turns.js'
import type { BatchHooks } from '../callbacks/list.js'
import type { ArrayLikeData, DataLike } from './data.js'
import { createFeed, type Feed, fedSources, type Samples } from './feed.js'
import { feedScalars, type LoadedStep, readLogs } from './loaded-step.js'
import { LogSums, type Logs } from './logs.js'
import { Progress } from './progress.js'
import type { SampleWeightOptions } from './samples.js'
import type { StepSources } from './step.js'
import type { Trainer } from './trainer.js'

/** The numbers 0 … count - 1. */
export const ascending = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

/** A batch of a dataset: [x, y], [x, y, sampleWeight], or an object. */
export type Batch =
  | readonly [x: DataLike, y: DataLike, sampleWeight?: DataLike]
  | { readonly x: DataLike; readonly y: DataLike; readonly sampleWeight?: DataLike }

/** Batches, produced anew for each epoch. */
export interface BatchSource extends AsyncIterable<Batch> {
  /** The batches of epoch `index`, counted from 0: the same whenever it is asked for. */
  epoch?(index: number): AsyncIterable<Batch>
  /** Batches of an epoch, if that is known. */
  readonly size?: number
}

/** Batches to predict: of inputs alone, or with targets that are passed over. */
export type InputSource = BatchSource | AsyncIterable<ArrayLikeData | Readonly<Record<string, ArrayLikeData>>>

export const isDataset = <S extends InputSource>(value: Batch | DataLike | S | null | undefined): value is S =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** The arrays of a batch, checked. */
export function samplesOf(trainer: Trainer, batch: Batch, options: SampleWeightOptions = {}): Samples {
  const isList = (value: Batch): value is Extract<Batch, readonly unknown[]> => Array.isArray(value)
  const { x, y, sampleWeight } = isList(batch) ? { x: batch[0], y: batch[1], sampleWeight: batch[2] } : batch
  return trainer.samples(x, y, { ...options, sampleWeight })
}

/** The inputs of a batch, which may be these alone. */
export function inputsOf(batch: Batch | DataLike): DataLike {
  if (Array.isArray(batch) && batch.length > 1 && typeof batch[0] === 'object') return batch[0] as DataLike
  if (Array.isArray(batch) || batch instanceof Tensor || !('x' in batch)) return batch as ArrayLikeData
  return batch.x
}

function writeSamples(executable: Pick<Executable, 'write'>, samples: Samples, sources: StepSources): void {
  const write = (tensors: readonly (Tensor | undefined)[], names: readonly ({ name: string } | undefined)[]) => {
    tensors.forEach((tensor, i) => {
      if (tensor) executable.write(names[i]!.name, tensor.data as Float32Array)
    })
  }
  write(samples.x, sources.x)
  write(samples.y, sources.y)
  write(samples.weights, sources.weights)
}

/** Feeds `samples` as one batch and runs the step for it. */
export async function runBatch(
  trainer: Trainer,
  store: VariableStore,
  samples: Samples,
  training: boolean,
): Promise<{ step: LoadedStep; vector: Float32Array }> {
  const sources = fedSources(samples)
  const step = await trainer.cached(store, sources, samples.count, training ? trainer.nextMode : 'test')
  writeSamples(step.executable, samples, sources)
  if (training) feedScalars(step, trainer.compiled.optimizer)
  await step.executable.run()
  const vector = await readLogs(step)
  if (training) {
    trainer.compiled.optimizer.iterations++
    store.noteChange()
  }
  return { step, vector }
}

/** Samples in the backend's reach, with the steps that were loaded for them. */
export class Session {
  readonly #steps = new Map<string, LoadedStep>()
  readonly #feed: Feed
  /** Where the steps are loaded. */
  #backend: Backend

  constructor(
    readonly trainer: Trainer,
    readonly store: VariableStore,
    readonly samples: Samples,
    readonly batchSize: number,
    residentBytes = 2 ** 30,
  ) {
    this.#backend = store.backend
    this.#feed = createFeed(samples, batchSize, store, residentBytes)
  }

  get batches(): number {
    return Math.ceil(this.samples.count / this.batchSize)
  }

  async step(batch: number, mode: 'update' | 'accumulate' | 'test'): Promise<LoadedStep> {
    if (this.#backend !== this.store.backend) this.#forgetSteps()
    const key = `${mode} ${batch}`
    let step = this.#steps.get(key)
    if (!step) {
      step = await this.trainer.load(this.store, this.#feed.sources, batch, mode)
      this.#steps.set(key, step)
    }
    return step
  }

  load(step: LoadedStep, order: Int32Array, from: number): void {
    this.#feed.load(step.executable, order, from, from + step.batch)
  }

  /** Has the trainer say what is not finite in the training step of `rows` samples from `from` on. */
  explain(order: Int32Array, from: number, rows: number): Promise<void> {
    return this.trainer.explain(this.store, this.#feed.sources, rows, (executable) => {
      this.#feed.load(executable, order, from, from + rows)
    })
  }

  dispose(): void {
    this.#forgetSteps()
    this.#feed.dispose()
  }

  #forgetSteps(): void {
    for (const step of this.#steps.values()) step.executable.dispose()
    this.#steps.clear()
    this.#backend = this.store.backend
  }
}

/** Where a pass begins, and what its logs are computed from by then. */
export interface PassStart {
  readonly batch: number
  readonly sums: readonly number[]
}

const fromTheStart: PassStart = { batch: 0, sums: [] }

/** The batches of an order that a pass takes: all but the first `skip`, at most `most`. */
export interface Span {
  readonly skip: number
  readonly most: number
}

export const everything: Span = { skip: 0, most: Number.POSITIVE_INFINITY }

export interface PassResult {
  readonly logs: Logs
  /** Batches that have run, those before the start included. */
  readonly batches: number
}

export interface PassHooks {
  /** Is given where the pass stands, whenever that is asked for. */
  readonly locate?: (stand: () => PassStart) => void
  readonly batch: BatchHooks
  readonly progress: Progress
  readonly clock: TurnClock
  readonly stopped: () => boolean
}

/** Steps whose logs a device may owe while the next ones are submitted. */
const stepsInFlight = 4
/** Steps after which the state is kept that training goes back to after the loss of a device or of a thread. */
const stepsKept = 200
/** The same for the batches of a dataset, which stay in memory until then. */
const batchesKept = 20

/** The loss of a batch is not finite: training goes back, to say why when it comes there again. */
class NotFinite extends Error {
  constructor(readonly batch: number) {
    super(`the loss of batch ${batch} is not finite`)
  }
}

/** Logs of steps in their order, also where they arrive later. */
class LogQueue {
  readonly sums: LogSums
  /** Batches whose logs are in the sums. */
  #batches: number
  #owed: { readonly step: LoadedStep; readonly vector: Promise<Float32Array> }[] = []
  #firstNotFinite: number | undefined

  constructor(entries: LoadedStep['entries'], batches: number) {
    this.sums = new LogSums(entries)
    this.#batches = batches
  }

  /** Throws NotFinite once a batch's loss has not been finite. */
  check(): void {
    if (this.#firstNotFinite !== undefined) throw new NotFinite(this.#firstNotFinite)
  }

  /** Adds what the last run of `step` gave; waits where more than `most` steps are owed. */
  add(step: LoadedStep, vector: MaybePromise<Float32Array>, most: number): void | Promise<void> {
    if (!(vector instanceof Promise)) return this.#sum(step, vector)
    vector.catch(() => {})
    this.#owed.push({ step, vector })
    if (this.#owed.length > most) return this.settle(most)
  }

  /** Waits until at most `most` steps are owed. */
  async settle(most = 0): Promise<void> {
    while (this.#owed.length > most) {
      const { step, vector } = this.#owed.shift()!
      this.#sum(step, await vector)
    }
  }

  /** Goes back to the sums after so many batches. */
  restore(sums: Float64Array, batches: number): void {
    this.#owed = []
    this.#batches = batches
    this.#firstNotFinite = undefined
    this.sums.restore(sums)
  }

  #sum({ terms, batch }: LoadedStep, vector: Float32Array): void {
    this.sums.add(terms, vector, batch)
    if (!this.sums.isFinite) this.#firstNotFinite ??= this.#batches
    this.#batches++
  }
}

/**
 * One pass over those samples of `session` that `span` takes of `order`, from `start` on. When a device or a thread is lost, it goes on from the last state that was kept; callbacks see each batch once.
 */
export async function pass(
  session: Session,
  order: Int32Array,
  training: boolean,
  { batch: { begin, end }, progress, clock, stopped, locate }: PassHooks,
  start: PassStart = fromTheStart,
  span: Span = everything,
): Promise<PassResult> {
  const { trainer, batchSize, store } = session
  const { count } = session.samples
  const until = Math.min(count, (span.skip + span.most) * batchSize)
  const { optimizer } = trainer.compiled
  const accumulating = training && optimizer.accumulationSteps > 1
  const size = Math.min(batchSize, count)
  const whole = () => session.step(size, training ? 'update' : 'test')
  const { entries } = await trainer.surely(store, whole)
  const queue = new LogQueue(entries, start.batch)
  if (start.batch > 0) queue.restore(Float64Array.from(start.sums), start.batch)
  let kept = { batches: start.batch, sums: queue.sums.snapshot(), isOfThisPass: false }
  const keep = async (batches: number) => {
    await queue.settle()
    if (trainer.explains) queue.check()
    await trainer.keepState(store)
    kept = { batches, sums: queue.sums.snapshot(), isOfThisPass: training }
  }
  let batches = start.batch
  let begun = batches
  let ended = batches
  locate?.(() => ({ batch: batches, sums: [...queue.sums.snapshot()] }))

  /** The batch from which on the loss is not finite, once that is known. */
  let examined = -1
  const run = async (): Promise<void> => {
    const main = await whole()
    if (training) await keep(batches)
    for (let from = (span.skip + batches) * batchSize; from < until; from += batchSize) {
      const rows = Math.min(batchSize, count - from)
      const step =
        rows === size && !accumulating ? main : await session.step(rows, training ? trainer.nextMode : 'test')
      if (begin && batches >= begun) await begin(batches)
      begun = Math.max(begun, batches + 1)
      if (batches === examined) await session.explain(order, from, rows)
      session.load(step, order, from)
      if (training) feedScalars(step, trainer.compiled.optimizer)
      const running = step.executable.run()
      if (running) await running
      const waiting = queue.add(step, readLogs(step), end ? 0 : stepsInFlight)
      if (waiting) await waiting
      if (training) {
        optimizer.iterations++
        store.noteChange()
      }
      batches++
      if (training && trainer.explains) queue.check()
      if (end && batches > ended) {
        ended = batches
        await end(batches - 1, queue.sums.logs())
        if (stopped()) break
      }
      if (training && batches % stepsKept === 0) await keep(batches)
      if (clock.isDue) {
        if (progress.animated) progress.update(batches, queue.sums.logs())
        await clock.yield()
        if (stopped()) break
      }
    }
    await queue.settle()
    if (training && trainer.explains) queue.check()
    if (training && store.backend.mayBeLost) await keep(batches)
  }

  for (;;)
    try {
      await run()
      return { logs: queue.sums.logs(), batches }
    } catch (error) {
      if (error instanceof NotFinite) {
        examined = error.batch
        trainer.explains = false
        trainer.rewind(store)
      } else await trainer.recover(store, error, !kept.isOfThisPass)
      batches = kept.batches
      queue.restore(kept.sums, batches)
    }
}

/** A pass that nothing watches. */
export const unwatched = (clock: TurnClock, progress = new Progress(0)): PassHooks => ({
  batch: {},
  progress,
  clock,
  stopped: () => false,
})

/**
 * One pass over what `stream` gives, at most `most` batches with those before `start`, which it does not give. After the
 * loss of a device the last batches run again. Gives undefined when there was nothing.
 */
export async function passStream(
  trainer: Trainer,
  store: VariableStore,
  stream: AsyncIterator<Batch>,
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
