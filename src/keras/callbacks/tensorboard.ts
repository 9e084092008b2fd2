import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'
import type { EventFiles } from './event-files.js'

export interface TensorBoardOptions {
  /** The folder that `tensorboard --logdir` is given; `logs` unless given. */
  readonly logDir?: string
  /** Every so many epochs histograms of all weights are written; 0: never. */
  readonly histogramFreq?: number
  /** `epoch`; `batch`: logs of each batch, too; a number: of every so many batches. */
  readonly updateFreq?: 'epoch' | 'batch' | number
  /** Adds bytes to the end of a file; takes the place of the file system, as in a page. */
  readonly write?: (path: string, bytes: Uint8Array) => void | Promise<void>
}

/** What writes the files, which comes with the first training. */
const eventFiles = () => import('./event-files.js')

/**
 * Logs for TensorBoard, under Keras's names: `epoch_loss` in the folders `train` and `validation`, `epoch_learning_rate`,
 * `batch_loss`, `evaluation_loss_vs_iterations`, and `<weight>/histogram`.
 */
export class TensorBoard extends Callback {
  readonly #options: TensorBoardOptions
  readonly #every: number
  #files: EventFiles | undefined
  /** Batches that have been trained on since the training began. */
  #batches = 0

  constructor(options: TensorBoardOptions = {}) {
    super()
    checkOptions('TensorBoard', options, {
      logDir: true,
      histogramFreq: true,
      updateFreq: true,
      write: true,
    } satisfies Record<keyof TensorBoardOptions, true>)
    const { updateFreq = 'epoch', histogramFreq = 0 } = options
    this.#every = updateFreq === 'epoch' ? 0 : updateFreq === 'batch' ? 1 : updateFreq
    if (updateFreq !== 'epoch' && !(Number.isInteger(this.#every) && this.#every > 0))
      throw invalid(`updateFreq is 'epoch', 'batch' or a number of batches, got ${updateFreq}`)
    if (!Number.isInteger(histogramFreq) || histogramFreq < 0)
      throw invalid(`histogramFreq is a number of epochs, got ${histogramFreq}`)
    this.#options = options
    if (this.#every === 0) this.onTrainBatchEnd = undefined
  }

  /** The files of this training; of measuring alone where none has begun. */
  async #opened(): Promise<EventFiles> {
    this.#files ??= (await eventFiles()).openEventFiles(this.#options)
    return this.#files
  }

  override async onTrainBegin(): Promise<void> {
    this.#files = undefined
    this.#batches = 0
    await this.#opened()
  }

  override onTrainBatchEnd?: (batch: number, logs: Logs) => Promise<void> = async (_batch, logs) => {
    const step = this.#batches++
    if (step % this.#every === 0) await (await this.#opened()).batch(step, logs)
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { histogramFreq = 0 } = this.#options
    const files = await this.#opened()
    await files.epoch(epoch, { ...logs, learning_rate: this.model.optimizer.currentLearningRate })
    if (histogramFreq > 0 && epoch % histogramFreq === 0) await files.weights(epoch, this.model)
  }

  override async onTestEnd(logs: Logs): Promise<void> {
    await (await this.#opened()).test(this.model.optimizer.iterations, logs)
  }
}
