import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import { Schedule } from '../optimizers/schedules.js'
import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'
import { MonitoringCallback, type MonitorOptions, monitorOptions } from './monitor.js'

/** The learning rate of an epoch, counted from 0, by the one before. */
export type RateByEpoch = (epoch: number, learningRate: number) => number

/** Sets the learning rate before each epoch, and logs it. */
export class LearningRateScheduler extends Callback {
  readonly #schedule: RateByEpoch
  readonly #verbose: 0 | 1

  constructor(schedule: RateByEpoch, { verbose = 0 }: { readonly verbose?: 0 | 1 } = {}) {
    super()
    if (typeof schedule !== 'function')
      throw invalid(`learningRateScheduler takes a function of the epoch and the rate before, got ${schedule}`)
    this.#schedule = schedule
    this.#verbose = verbose
  }

  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model
    const rate = this.#schedule(epoch, optimizer.currentLearningRate)
    if (typeof rate !== 'number' || !Number.isFinite(rate))
      throw invalid(`the function of LearningRateScheduler gave ${rate} for epoch ${epoch}; it must give a number`)
    optimizer.learningRate = rate
    if (this.#verbose) console.log(`Epoch ${epoch + 1}: LearningRateScheduler sets the learning rate to ${rate}`)
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learning_rate = this.model.optimizer.currentLearningRate
  }
}

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the rate is multiplied by, below 1; 0.1 unless given. */
  readonly factor?: number
  /** Epochs without an improvement before that; 10 unless given. */
  readonly patience?: number
  /** Epochs after a reduction in which nothing is counted. */
  readonly cooldown?: number
  readonly minLr?: number
}

/** Lowers the learning rate when a log has not become better for `patience` epochs, and logs it. `minDelta` is 1e-4 unless given. */
export class ReduceLROnPlateau extends MonitoringCallback {
  readonly #options: ReduceLROnPlateauOptions
  #best: number
  #wait = 0
  #cooldown = 0

  constructor(options: ReduceLROnPlateauOptions = {}) {
    checkOptions('ReduceLROnPlateau', options, {
      ...monitorOptions,
      factor: true,
      patience: true,
      cooldown: true,
      minLr: true,
    } satisfies Record<keyof ReduceLROnPlateauOptions, true>)
    super({ minDelta: 1e-4, ...options })
    this.#options = options
    if ((options.factor ?? 0.1) >= 1) throw invalid('ReduceLROnPlateau needs a factor below 1')
    this.#best = this.monitor.worst
  }

  override onTrainBegin(): void {
    this.#best = this.monitor.worst
    this.#wait = 0
    this.#cooldown = 0
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0, verbose } = this.#options
    const { optimizer } = this.model
    logs.learning_rate = optimizer.currentLearningRate
    const value = this.monitor.valueOf(logs, this)
    if (value === undefined) return
    if (this.#cooldown > 0) {
      this.#cooldown--
      this.#wait = 0
    }
    if (this.monitor.isBetter(value, this.#best)) {
      this.#best = value
      this.#wait = 0
      return
    }
    if (this.#cooldown > 0 || ++this.#wait < patience) return
    if (optimizer.learningRate instanceof Schedule)
      throw invalid('ReduceLROnPlateau sets the learning rate, which here follows a schedule; use one of the two')
    if (optimizer.learningRate <= minLr) return
    optimizer.learningRate = Math.max(optimizer.learningRate * factor, minLr)
    if (verbose)
      console.log(`Epoch ${epoch + 1}: ReduceLROnPlateau reduces the learning rate to ${optimizer.learningRate}`)
    this.#cooldown = cooldown
    this.#wait = 0
  }
}
