import type { TurnClock } from '../../core/turns.js'
import type { BatchHooks } from '../callbacks/list.js'
import type { Logs } from './logs.js'
import { Progress } from './progress.js'

/** Where a pass begins, and what its logs are computed from by then. */
export interface PassStart {
  readonly batch: number
  readonly sums: readonly number[]
}

export const fromTheStart: PassStart = { batch: 0, sums: [] }

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

/** A pass that nothing watches. */
export const unwatched = (clock: TurnClock, progress = new Progress(0)): PassHooks => ({
  batch: {},
  progress,
  clock,
  stopped: () => false,
})

/**
 * Where epoch `epoch` begins in data of `batches` batches, of which each epoch takes `steps`: which pass through the data
 * it is, and after how many batches. As in Keras an epoch ends, short, where the data do.
 */
export function placeOf(
  epoch: number,
  batches: number,
  steps: number,
): { readonly round: number; readonly skip: number } {
  const perRound = Math.ceil(batches / steps)
  return { round: Math.floor(epoch / perRound), skip: (epoch % perRound) * steps }
}
