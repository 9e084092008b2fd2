import type { Model } from '../model.js'
import type { Logs } from '../training/logs.js'

/** What `fit`, `evaluate` or `predict` is about to do. */
export interface CallbackParams {
  readonly epochs: number
  /** Batches an epoch; undefined where that is not known. */
  readonly steps: number | undefined
  readonly verbose: 0 | 1 | 2
  /** Every so many epochs are validated; 0: none. */
  readonly validationFreq: number
}

type Awaitable = void | Promise<void>

/**
 * Hooks of `fit`, `evaluate` and `predict`; all are optional, and a promise is awaited. Logs have Keras's names; those of
 * a batch are of the epoch so far. What a hook adds to the logs of an epoch, later callbacks and the history see.
 */
export interface Callback {
  setParams?(params: CallbackParams): void
  setModel?(model: Model): void
  onTrainBegin?(): Awaitable
  onTrainEnd?(logs: Logs): Awaitable
  onEpochBegin?(epoch: number): Awaitable
  onEpochEnd?(epoch: number, logs: Logs): Awaitable
  onTrainBatchBegin?(batch: number): Awaitable
  onTrainBatchEnd?(batch: number, logs: Logs): Awaitable
  /** Other names of `onTrainBatchBegin` and `onTrainBatchEnd`. */
  onBatchBegin?(batch: number): Awaitable
  onBatchEnd?(batch: number, logs: Logs): Awaitable
  /** Before and after `evaluate`, and the validation of an epoch. */
  onTestBegin?(): Awaitable
  onTestEnd?(logs: Logs): Awaitable
  onTestBatchBegin?(batch: number): Awaitable
  onTestBatchEnd?(batch: number, logs: Logs): Awaitable
  onPredictBegin?(): Awaitable
  onPredictEnd?(): Awaitable
  onPredictBatchBegin?(batch: number): Awaitable
  onPredictBatchEnd?(batch: number): Awaitable
}

/** What a class that extends `Callback` has. */
export interface BoundCallback extends Callback {
  /** The model that is being trained, measured or used. */
  readonly model: Model
  readonly params: CallbackParams
}

class Base implements Callback {
  model!: Model
  params!: CallbackParams

  setModel(model: Model): void {
    this.model = model
  }

  setParams(params: CallbackParams): void {
    this.params = params
  }
}

/** The class to extend: it knows its `model` and `params`. A plain object with some of the hooks is a callback, too. */
export const Callback: new () => BoundCallback = Base
