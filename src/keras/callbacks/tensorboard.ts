import { checkOptions } from '../../core/options.js'
import { appendFile } from '../../core/write-files.js'
import type { EventContent } from '../../data/event-log.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'

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

/** A file of events, made with its first one. */
class EventFile {
  #begun = false

  constructor(
    readonly path: string,
    readonly write: (path: string, bytes: Uint8Array) => void | Promise<void>,
  ) {}

  async add(...contents: readonly EventContent[]): Promise<void> {
    const wallTime = Date.now() / 1000
    const { eventRecord } = await eventLog()
    const all = this.#begun ? contents : [{ fileVersion: 'brain.Event:2' }, ...contents]
    this.#begun = true
    for (const content of all) await this.write(this.path, eventRecord(wallTime, content))
  }
}

const renamed = (logs: Logs, name: (log: string) => string): Logs =>
  Object.fromEntries(Object.entries(logs).map(([log, value]) => [name(log), value]))

/** What writes records, which comes with the first one. */
const eventLog = () => import('../../data/event-log.js')

let files = 0

/**
 * Logs for TensorBoard, under Keras's names: `epoch_loss` in the folders `train` and `validation`, `epoch_learning_rate`,
 * `batch_loss`, `evaluation_loss_vs_iterations`, and `<weight>/histogram`.
 */
export class TensorBoard extends Callback {
  readonly #options: TensorBoardOptions
  readonly #every: number
  #train: EventFile | undefined
  #validation: EventFile | undefined
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

  #open(part: 'train' | 'validation'): EventFile {
    const { logDir = 'logs', write = appendFile } = this.#options
    const host = typeof process === 'undefined' ? 'page' : `lanewise.${process.pid}`
    return new EventFile(
      `${logDir}/${part}/events.out.tfevents.${Math.floor(Date.now() / 1000)}.${host}.${files++}.v2`,
      write,
    )
  }

  override onTrainBegin(): void {
    this.#train = this.#open('train')
    this.#validation = undefined
    this.#batches = 0
  }

  override onTrainBatchEnd?: (batch: number, logs: Logs) => Promise<void> = async (_batch, logs) => {
    const step = this.#batches++
    if (step % this.#every === 0) await this.#train!.add({ step, scalars: renamed(logs, (name) => `batch_${name}`) })
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { histogramFreq = 0 } = this.#options
    const entries = Object.entries({ ...logs, learning_rate: this.model.optimizer.currentLearningRate })
    const part = (validation: boolean) =>
      Object.fromEntries(entries.filter(([name]) => name.startsWith('val_') === validation))
    await this.#train!.add({ step: epoch, scalars: renamed(part(false), (name) => `epoch_${name}`) })
    const measured = renamed(part(true), (name) => `epoch_${name.slice('val_'.length)}`)
    if (Object.keys(measured).length > 0) await this.#validationFile.add({ step: epoch, scalars: measured })
    if (histogramFreq > 0 && epoch % histogramFreq === 0) await this.#addHistograms(epoch)
  }

  override async onTestEnd(logs: Logs): Promise<void> {
    const { iterations } = this.model.optimizer
    const scalars = renamed(logs, (name) => `evaluation_${name}_vs_iterations`)
    await this.#validationFile.add({ step: iterations, scalars })
  }

  get #validationFile(): EventFile {
    this.#validation ??= this.#open('validation')
    return this.#validation
  }

  async #addHistograms(epoch: number): Promise<void> {
    const { histogramOf } = await eventLog()
    const contents = await this.model.weightContents()
    const histograms = Object.fromEntries(
      this.model.weights.map(({ name }, i) => [`${name}/histogram`, histogramOf(contents[i].toNumbers())]),
    )
    await this.#train!.add({ step: epoch, histograms })
  }
}
