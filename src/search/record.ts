import type { Objective } from './config.js'
import type { Settings } from './settings.js'

/** An epoch of a trial, as `lanewise train --json` tells it. */
export interface EpochLine extends Readonly<Partial<Record<Objective, number>>> {
  /** From 1. */
  readonly epoch: number
  readonly seconds: number
  readonly msPerStep: number
}

/** All that is known of a trial; what its file holds. */
export interface TrialRecord {
  /** From 1. */
  readonly trial: number
  /** The options that the space gave it. */
  readonly settings: Settings
  /** `running` is also what an interrupted search leaves. */
  readonly status: 'waiting' | 'running' | 'done' | 'failed'
  /** The epochs that it was told to train and has trained, so far; it may be told to train more. */
  readonly reached: number
  readonly epochs: readonly EpochLine[]
  /** On the test images, after `reached` epochs. */
  readonly test?: { readonly loss: number; readonly accuracy: number }
  readonly error?: string
  /** What ran otherwise than asked, such as on synthetic data. */
  readonly notes?: readonly string[]
}

/** A trial that nothing has been done for. */
export const newRecord = (trial: number, settings: Settings): TrialRecord => ({
  trial,
  settings,
  status: 'waiting',
  reached: 0,
  epochs: [],
})

/** What a trial had reached after `epochs` epochs; undefined if it has not come that far or does not measure it. */
export const valueAfter = (record: TrialRecord, objective: Objective, epochs: number): number | undefined => {
  const value = record.epochs[epochs - 1]?.[objective]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
