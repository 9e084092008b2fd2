import type { Backend, MaybePromise } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import { createFeed, type Feed, type Samples } from './feed.js'
import { feedScalars, type LoadedStep, readLogs } from './loaded-step.js'
import { LogSums } from './logs.js'
import { everything, fromTheStart, type PassHooks, type PassResult, type PassStart, type Span } from './pass.js'
import type { Trainer } from './trainer.js'

/** The numbers 0 … count - 1. */
export const ascending = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

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
    trainer.checkBatches(samples.count, batchSize)
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

/** Steps whose logs a device may owe while the next ones are submitted. */
const stepsInFlight = 4
/** Steps after which the state is kept that training goes back to after the loss of a device or of a thread. */
const stepsKept = 200

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
