import type { Tensor } from '../core/tensor.js'
import { invalid } from './config.js'
import type { Optimizer } from './optimizers/index.js'
import { Schedule } from './optimizers/schedules.js'
import type { Logs } from './training/logs.js'

/** What callbacks may use of the model that is being trained. */
export interface TrainedModel {
  /** Set true to end `fit` after the running batch. */
  stopTraining: boolean
  readonly optimizer: Optimizer
  weightContents(): Promise<readonly Tensor[]>
  restore(contents: readonly Tensor[]): void
}

/** Hooks of `fit`; all are optional, and a promise is awaited. Logs have Keras's names. */
export interface Callback {
  setModel?(model: TrainedModel): void
  onTrainBegin?(): void | Promise<void>
  onTrainEnd?(logs: Logs): void | Promise<void>
  onEpochBegin?(epoch: number): void | Promise<void>
  onEpochEnd?(epoch: number, logs: Logs): void | Promise<void>
  /** Before and after the validation of an epoch. */
  onTestBegin?(): void | Promise<void>
  onTestEnd?(logs: Logs): void | Promise<void>
  onBatchBegin?(batch: number): void | Promise<void>
  /** Logs of the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs): void | Promise<void>
}

/** What `fit` gives: the logs of every epoch. */
export class History implements Callback {
  readonly epoch: number[] = []
  readonly history: Record<string, number[]> = {}

  onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch)
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value)
  }
}

export interface MonitorOptions {
  /** The log to watch; `val_loss` unless given. */
  readonly monitor?: string
  readonly minDelta?: number
  readonly patience?: number
  /** Whether lower or higher is better; `auto` goes by the name. */
  readonly mode?: 'auto' | 'min' | 'max'
}

/** Follows the best value of a log. */
class Monitor {
  best: number
  readonly #higher: boolean
  readonly #minDelta: number

  constructor(
    readonly name: string,
    mode: 'auto' | 'min' | 'max' = 'auto',
    minDelta = 0,
  ) {
    this.#higher = mode === 'max' || (mode === 'auto' && /acc|auc|precision|recall|f1|r2/.test(name))
    this.#minDelta = Math.abs(minDelta)
    this.best = this.#higher ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }

  value(logs: Logs): number {
    if (!(this.name in logs))
      throw invalid(`a callback watches '${this.name}', which is not logged; logged: ${Object.keys(logs).join(', ')}`)
    return logs[this.name]
  }

  /** Whether `value` is better than the best so far, which it then replaces. */
  improves(value: number): boolean {
    const better = this.#higher ? value - this.#minDelta > this.best : value + this.#minDelta < this.best
    if (better) this.best = value
    return better
  }
}

export interface EarlyStoppingOptions extends MonitorOptions {
  readonly baseline?: number
  /** Epochs before watching starts. */
  readonly startFromEpoch?: number
  readonly restoreBestWeights?: boolean
}

/** Stops when a log has not become better for `patience` epochs. */
export class EarlyStopping implements Callback {
  stoppedEpoch = 0
  readonly #options: EarlyStoppingOptions
  #monitor: Monitor
  #model: TrainedModel | undefined
  #wait = 0
  #best: readonly Tensor[] | undefined

  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = options
    this.#monitor = this.#newMonitor()
  }

  #newMonitor(): Monitor {
    const monitor = new Monitor(this.#options.monitor ?? 'val_loss', this.#options.mode, this.#options.minDelta)
    if (this.#options.baseline !== undefined) monitor.best = this.#options.baseline
    return monitor
  }

  setModel(model: TrainedModel): void {
    this.#model = model
  }

  onTrainBegin(): void {
    this.#monitor = this.#newMonitor()
    this.#wait = 0
    this.stoppedEpoch = 0
    this.#best = undefined
  }

  async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { patience = 0, startFromEpoch = 0, restoreBestWeights = false } = this.#options
    if (epoch < startFromEpoch) return
    const improved = this.#monitor.improves(this.#monitor.value(logs))
    if (restoreBestWeights && (improved || !this.#best)) this.#best = await this.#model!.weightContents()
    if (improved) {
      this.#wait = 0
      return
    }
    this.#wait++
    if (this.#wait >= patience && epoch > 0) {
      this.stoppedEpoch = epoch
      this.#model!.stopTraining = true
    }
  }

  onTrainEnd(): void {
    if (this.#best) this.#model!.restore(this.#best)
  }
}

/** Stops as soon as the loss is not a finite number. */
export class TerminateOnNaN implements Callback {
  #model: TrainedModel | undefined

  setModel(model: TrainedModel): void {
    this.#model = model
  }

  onBatchEnd(_batch: number, logs: Logs): void {
    if (!Number.isFinite(logs.loss)) this.#model!.stopTraining = true
  }
}

/** Sets the learning rate before each epoch. */
export class LearningRateScheduler implements Callback {
  readonly #schedule: (epoch: number, learningRate: number) => number
  #model: TrainedModel | undefined

  constructor(schedule: (epoch: number, learningRate: number) => number) {
    this.#schedule = schedule
  }

  setModel(model: TrainedModel): void {
    this.#model = model
  }

  onEpochBegin(epoch: number): void {
    const { optimizer } = this.#model!
    optimizer.learningRate = this.#schedule(epoch, optimizer.currentLearningRate)
  }

  onEpochEnd(_epoch: number, logs: Logs): void {
    logs.learning_rate = this.#model!.optimizer.currentLearningRate
  }
}

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  readonly factor?: number
  readonly cooldown?: number
  readonly minLr?: number
}

/** Lowers the learning rate when a log has not become better for `patience` epochs. */
export class ReduceLROnPlateau implements Callback {
  readonly #options: ReduceLROnPlateauOptions
  #monitor: Monitor
  #model: TrainedModel | undefined
  #wait = 0
  #cooldown = 0

  constructor(options: ReduceLROnPlateauOptions = {}) {
    this.#options = options
    if ((options.factor ?? 0.1) >= 1) throw invalid('ReduceLROnPlateau needs a factor below 1')
    this.#monitor = this.#newMonitor()
  }

  #newMonitor(): Monitor {
    const { monitor = 'val_loss', mode, minDelta = 1e-4 } = this.#options
    return new Monitor(monitor, mode, minDelta)
  }

  setModel(model: TrainedModel): void {
    this.#model = model
  }

  onTrainBegin(): void {
    this.#monitor = this.#newMonitor()
    this.#wait = 0
    this.#cooldown = 0
  }

  onEpochEnd(_epoch: number, logs: Logs): void {
    const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0 } = this.#options
    const { optimizer } = this.#model!
    logs.learning_rate = optimizer.currentLearningRate
    if (this.#cooldown > 0) {
      this.#cooldown--
      this.#wait = 0
    }
    if (this.#monitor.improves(this.#monitor.value(logs))) {
      this.#wait = 0
      return
    }
    if (this.#cooldown > 0 || ++this.#wait < patience) return
    if (optimizer.learningRate instanceof Schedule)
      throw invalid('ReduceLROnPlateau sets the learning rate, which here follows a schedule; use one of the two')
    optimizer.learningRate = Math.max(optimizer.learningRate * factor, minLr)
    this.#cooldown = cooldown
    this.#wait = 0
  }
}

/** Callbacks by their names in camelCase. A plain object with the hooks is a callback too. */
export const callbacks = {
  history: () => new History(),
  earlyStopping: (options?: EarlyStoppingOptions) => new EarlyStopping(options),
  terminateOnNaN: () => new TerminateOnNaN(),
  learningRateScheduler: (schedule: (epoch: number, learningRate: number) => number) =>
    new LearningRateScheduler(schedule),
  reduceLROnPlateau: (options?: ReduceLROnPlateauOptions) => new ReduceLROnPlateau(options),
  /** The hooks themselves, as Keras's LambdaCallback. */
  lambda: (hooks: Callback): Callback => hooks,
} as const
