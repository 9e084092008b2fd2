import type { Tensor } from '../../core/tensor.js'

/** How far a training has come. */
export interface Position {
  /** Epochs that are done. */
  readonly epoch: number
  /** Batches that are done of the epoch that runs. */
  readonly batch: number
  /** What the logs of that epoch are computed from. */
  readonly sums: readonly number[]
}

/** What training carries from step to step beside the weights. */
export interface TrainingState {
  readonly position: Position
  /** Batches that the optimizer has seen. */
  readonly iterations: number
  /** The optimizer's, unless it follows a schedule. */
  readonly learningRate: number | undefined
  /** Seeds of dropout and of shuffling. */
  readonly seeds: readonly [dropout: number, shuffle: number]
  /** The optimizer's state: for each weight, in the order of `getWeights`, its slots by name. */
  readonly slots: readonly Readonly<Record<string, Tensor>>[]
}
