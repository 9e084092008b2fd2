import type { EpochLine, TrialRecord } from './record.js'
import type { Settings } from './settings.js'

/** All that whoever trains a trial must know. It is plain JSON, so that it can be sent to another machine. */
export interface TrialJob {
  readonly trial: number
  /** What `lanewise train` trains. */
  readonly model: string
  /** Options of `lanewise train` by name, and parameters of the model by `$name`. */
  readonly options: Settings
  /** Train until this many epochs are done, whatever the options say … */
  readonly epochs: number
  /** … from this many on, if the runner still has the state of then; from 0 if it has not. */
  readonly from: number
}

/** How a job ended. A trial that cannot be trained is an outcome, not an error. */
export type Outcome =
  | ({ readonly status: 'done' } & Pick<TrialRecord, 'test' | 'notes'>)
  | { readonly status: 'failed'; readonly error: string }
  /** The signal came first; the job can be given again. */
  | { readonly status: 'stopped' }

/**
 * Trains trials: here by child processes, elsewhere a queue on other machines may serve them. A runner keeps what it needs
 * to go on with a trial (its checkpoint) and may be given a trial again, with more epochs or after a stop.
 */
export interface TrialRunner {
  /**
   * Trains a trial. `onEpoch` gets each epoch when it is over, in order, from `from + 1` or from 1 on. Rejects only if the
   * runner itself is broken, which ends the search.
   */
  run(job: TrialJob, onEpoch: (line: EpochLine) => void, signal: AbortSignal): Promise<Outcome>
  /** The trial gets no more jobs; `keep`: its model is wanted. */
  release(trial: number, keep: boolean): Promise<void>
}
