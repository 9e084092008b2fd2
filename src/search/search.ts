import { LanewiseError } from '../core/errors.js'
import type { SearchConfig } from './config.js'
import { plotResults } from './plot.js'
import { type EpochLine, type TrialRecord, valueAfter } from './record.js'
import { resultsOf, type SearchResults } from './results.js'
import type { TrialRunner } from './runner.js'
import type { Settings } from './settings.js'
import type { SearchStore } from './store.js'
import type { Job, Strategy } from './strategies.js'

/** Told as it happens. */
export interface SearchObserver {
  onStart?(job: Job, record: TrialRecord): void
  onEpoch?(job: Job, record: TrialRecord, line: EpochLine): void
  /** Done, failed, or stopped: then the record says `running`. */
  onEnd?(job: Job, record: TrialRecord): void
}

export interface SearchOptions extends SearchObserver {
  /** Trials at a time. */
  readonly workers: number
  /** Ends the search; what is on disk can be gone on from. */
  readonly signal: AbortSignal
}

/** A signal that aborts with the first of `signals` (AbortSignal.any, which Node 20.0 lacks). */
function anyOf(...signals: readonly AbortSignal[]): AbortSignal {
  const either = new AbortController()
  for (const signal of signals)
    if (signal.aborted) either.abort(signal.reason)
    else signal.addEventListener('abort', () => either.abort(signal.reason), { once: true, signal: either.signal })
  return either.signal
}

/**
 * Gives a strategy's jobs to a runner until there are none, or the signal comes. Each record is on disk before the next job
 * of its trial starts; results.json and results.svg are, when a job has ended. Throws what the runner or the store throws.
 */
export async function search(
  config: SearchConfig,
  strategy: Strategy,
  store: SearchStore,
  runner: TrialRunner,
  { workers, signal, ...observer }: SearchOptions,
): Promise<SearchResults> {
  const broken = new AbortController()
  const stop = anyOf(signal, broken.signal)
  const running = new Map<number, Promise<void>>()
  const released = new Map<number, boolean>()

  const start = async (job: Job): Promise<void> => {
    try {
      await runJob(config, job, store, runner, stop, observer)
      await keepResults()
    } catch (error) {
      broken.abort(error)
    } finally {
      running.delete(job.trial)
    }
  }

  /** Writes what is known, and gives free what trials hold that will not go on. */
  const keepResults = async (): Promise<SearchResults> => {
    const results = resultsOf(config, store.records, strategy)
    await store.write('results.json', `${JSON.stringify(results, undefined, 2)}\n`)
    await store.write('results.svg', plotResults(results, config.space))
    for (const trial of strategy.settled(store.records)) {
      const keep = trial === results.best?.trial
      if (released.get(trial) === keep) continue
      released.set(trial, keep)
      await runner.release(trial, keep)
    }
    return results
  }

  while (!stop.aborted) {
    const open = strategy.open(store.records)
    for (const job of open) if (running.size < workers && !running.has(job.trial)) running.set(job.trial, start(job))
    if (running.size === 0) break
    await Promise.race(running.values())
  }
  await Promise.all(running.values())
  if (broken.signal.aborted) throw broken.signal.reason
  return keepResults()
}

/** Trains one trial as far as the job says and keeps its record. */
async function runJob(
  config: SearchConfig,
  job: Job,
  store: SearchStore,
  runner: TrialRunner,
  stop: AbortSignal,
  observer: SearchObserver,
): Promise<void> {
  const useless = new AbortController()
  let record: TrialRecord = { ...store.records[job.trial - 1], status: 'running' }
  let failure: string | undefined
  const options: Settings = { seed: config.seed, ...config.train, ...record.settings }
  await store.save(record)
  observer.onStart?.(job, record)

  let unwritten: unknown
  const onEpoch = (line: EpochLine) => {
    record = { ...record, epochs: [...record.epochs.slice(0, line.epoch - 1), line] }
    store.save(record).catch((error) => {
      unwritten ??= error
      useless.abort()
    })
    if (valueAfter(record, config.objective, line.epoch) === undefined) {
      const named = Object.keys(line).filter((name) => /loss|accuracy/i.test(name))
      failure = `the training has no ${config.objective} in epoch ${line.epoch}; it tells ${named.join(', ')}`
      useless.abort()
    }
    observer.onEpoch?.(job, record, line)
  }
  const task = { trial: job.trial, model: config.model, options, epochs: job.epochs, from: record.epochs.length }
  const outcome = await runner.run(task, onEpoch, anyOf(stop, useless.signal))
  if (unwritten) throw unwritten
  if (failure !== undefined) record = { ...record, status: 'failed', error: failure }
  else if (outcome.status === 'failed') record = { ...record, ...outcome }
  else if (outcome.status === 'done') {
    if (record.epochs.length < job.epochs)
      throw new LanewiseError(
        'IO_ERROR',
        `trial ${job.trial} ended after ${record.epochs.length} of ${job.epochs} epochs`,
      )
    record = { ...record, ...outcome, reached: job.epochs }
  }
  await store.save(record)
  observer.onEnd?.(job, record)
}
