import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { MonitoringCallback, type MonitorOptions, monitorOptions } from './monitor.js'

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * Where to save. `{epoch}` (from 1), `{batch}` and names of logs are filled in, with Python's format specifications:
   * `{epoch:02d}-{val_loss:.2f}.keras`. The end of the name chooses the form: .keras, .onnx, or .json for a TensorFlow.js
   * layers model; with `saveWeightsOnly` .weights.h5 or .safetensors.
   */
  readonly filepath: string
  /** Only when the log has become better than at every save before. */
  readonly saveBestOnly?: boolean
  readonly saveWeightsOnly?: boolean
  /** `epoch`, or a number of batches. */
  readonly saveFreq?: 'epoch' | number
  /** What the first save has to be better than. */
  readonly initialValueThreshold?: number | null
  /** Takes the place of writing to the file system, as in a page. */
  readonly write?: (path: string, bytes: Uint8Array) => void | Promise<void>
}

/** Ends of names that `Model.toFiles` writes. */
const endings = { models: ['.keras', '.onnx', '.json'], weights: ['.weights.h5', '.safetensors'] } as const

/** Saves the model while it trains. Each file is written whole or not at all. */
export class ModelCheckpoint extends MonitoringCallback {
  readonly #options: ModelCheckpointOptions
  #best: number
  #epoch = 0
  #batches = 0

  constructor(options: ModelCheckpointOptions) {
    checkOptions('ModelCheckpoint', options, {
      ...monitorOptions,
      filepath: true,
      saveBestOnly: true,
      saveWeightsOnly: true,
      saveFreq: true,
      initialValueThreshold: true,
      write: true,
    } satisfies Record<keyof ModelCheckpointOptions, true>)
    super(options)
    const { filepath, saveFreq = 'epoch', initialValueThreshold } = options
    if (typeof filepath !== 'string' || filepath === '') throw invalid('ModelCheckpoint needs a filepath')
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw invalid(`saveFreq is 'epoch' or a number of batches, got ${saveFreq}`)
    const { saveWeightsOnly = false } = options
    const fitting = saveWeightsOnly ? endings.weights : endings.models
    if (!fitting.some((ending) => filepath.endsWith(ending)))
      throw invalid(
        `${filepath}: ${saveWeightsOnly ? 'weights are' : 'a whole model is'} saved as ${fitting.join(', ')}${
          saveWeightsOnly ? '' : '; weights alone with saveWeightsOnly'
        }`,
      )
    this.#options = options
    this.#best = initialValueThreshold ?? this.monitor.worst
    if (saveFreq === 'epoch') this.onTrainBatchEnd = undefined
  }

  /** The best value of the log at a save. */
  get best(): number {
    return this.#best
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch
  }

  override onTrainBatchEnd?: (batch: number, logs: Logs) => Promise<void> = async (batch, logs) => {
    if (++this.#batches < (this.#options.saveFreq as number)) return
    this.#batches = 0
    await this.#save(logs, { batch: batch + 1 })
  }

  override async onEpochEnd(_epoch: number, logs: Logs): Promise<void> {
    if (this.#options.saveFreq === undefined || this.#options.saveFreq === 'epoch') await this.#save(logs, {})
  }

  async #save(logs: Logs, place: { readonly batch?: number }): Promise<void> {
    const { filepath, verbose, write } = this.#options
    if (!this.#isWanted(logs)) return
    const { saveFiles } = await import('./save-files.js')
    const path = await saveFiles(this.model, filepath, { ...logs, epoch: this.#epoch + 1, ...place }, write)
    if (verbose) console.log(`Epoch ${this.#epoch + 1}: the model was saved to ${path}`)
  }

  #isWanted(logs: Logs): boolean {
    if (!this.#options.saveBestOnly) return true
    const value = this.monitor.valueOf(logs, this)
    if (value === undefined || !this.monitor.isBetter(value, this.#best)) return false
    this.#best = value
    return true
  }
}
