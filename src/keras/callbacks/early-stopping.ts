import { checkOptions } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import type { Logs } from '../training/logs.js'
import { MonitoringCallback, type MonitorOptions, monitorOptions } from './monitor.js'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without an improvement that are borne; 0 unless given. */
  readonly patience?: number
  /** What has to be surpassed, too, for the waiting to begin anew. */
  readonly baseline?: number | null
  /** Epochs before watching starts. */
  readonly startFromEpoch?: number
  /** The weights of the best epoch come back at the end, whatever ended the training. */
  readonly restoreBestWeights?: boolean
}

/** Stops when a log has not become better for `patience` epochs. */
export class EarlyStopping extends MonitoringCallback {
  /** The epoch that it stopped; 0 if it did not. */
  stoppedEpoch = 0
  bestEpoch = 0
  /** The best value of the log. */
  best: number
  readonly #options: EarlyStoppingOptions
  #wait = 0
  #bestWeights: readonly Tensor[] | undefined

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions('EarlyStopping', options, {
      ...monitorOptions,
      patience: true,
      baseline: true,
      startFromEpoch: true,
      restoreBestWeights: true,
    } satisfies Record<keyof EarlyStoppingOptions, true>)
    super(options)
    this.#options = options
    this.best = this.monitor.worst
  }

  override onTrainBegin(): void {
    this.#wait = 0
    this.stoppedEpoch = 0
    this.bestEpoch = 0
    this.best = this.monitor.worst
    this.#bestWeights = undefined
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { patience = 0, startFromEpoch = 0, restoreBestWeights = false, baseline } = this.#options
    const { monitor, model } = this
    const value = monitor.valueOf(logs, this)
    if (value === undefined || epoch < startFromEpoch) return
    const improved = monitor.isBetter(value, this.best)
    if (improved) this.best = value
    if (improved || !this.#bestWeights) {
      this.bestEpoch = epoch
      if (restoreBestWeights) this.#bestWeights = await model.weightContents()
    }
    this.#wait++
    if (improved) {
      if (baseline === null || baseline === undefined || monitor.isBetter(value, baseline)) this.#wait = 0
      return
    }
    if (this.#wait < patience || epoch === 0) return
    this.stoppedEpoch = epoch
    model.stopTraining = true
  }

  override onTrainEnd(): void {
    const { verbose } = this.#options
    if (verbose && this.stoppedEpoch > 0) console.log(`Epoch ${this.stoppedEpoch + 1}: early stopping`)
    if (!this.#bestWeights) return
    if (verbose) console.log(`Restoring the weights of the best epoch: ${this.bestEpoch + 1}`)
    this.model.setWeights(this.#bestWeights)
  }
}
