import { LanewiseError } from '../../core/errors.js'
import { checkOptions } from '../../core/options.js'
import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'

export interface TerminateOnNaNOptions {
  /** Whether `fit` rejects, rather than end. */
  readonly raiseError?: boolean
}

/** Stops as soon as the loss is not a finite number. With `raiseError` it throws NUMERIC_ERROR. */
export class TerminateOnNaN extends Callback {
  readonly #raises: boolean

  constructor(options: TerminateOnNaNOptions = {}) {
    super()
    checkOptions('TerminateOnNaN', options, { raiseError: true } satisfies Record<keyof TerminateOnNaNOptions, true>)
    this.#raises = options.raiseError ?? false
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    if (Number.isFinite(logs.loss)) return
    if (this.#raises) throw new LanewiseError('NUMERIC_ERROR', `the loss is ${logs.loss} after batch ${batch + 1}`)
    this.model.stopTraining = true
  }
}

export interface SwapEMAWeightsOptions {
  /** The averages are in the weights from the end of each epoch to the begin of the next, not for validation alone. */
  readonly swapOnEpoch?: boolean
}

/**
 * Has the model measured and used with the moving averages of its weights, which the optimizer keeps with `useEma`. Before
 * a `ModelCheckpoint` and with `swapOnEpoch`, the averages are what is saved.
 */
export class SwapEMAWeights extends Callback {
  readonly #swapOnEpoch: boolean

  constructor(options: SwapEMAWeightsOptions = {}) {
    super()
    checkOptions('SwapEMAWeights', options, { swapOnEpoch: true } satisfies Record<keyof SwapEMAWeightsOptions, true>)
    this.#swapOnEpoch = options.swapOnEpoch ?? false
  }

  /** Whether the averages are in the weights from now on. */
  async #use(averages: boolean): Promise<void> {
    if (this.model.usesAverages !== averages) await this.model.swapAverages()
  }

  override async onEpochBegin(): Promise<void> {
    if (this.#swapOnEpoch) await this.#use(false)
  }

  override async onEpochEnd(): Promise<void> {
    if (this.#swapOnEpoch) await this.#use(true)
  }

  override onTestBegin(): Promise<void> {
    return this.#use(true)
  }

  override onTestEnd(): Promise<void> {
    return this.#use(false)
  }

  override onPredictBegin(): Promise<void> {
    return this.#use(true)
  }

  override onPredictEnd(): Promise<void> {
    return this.#use(false)
  }
}
