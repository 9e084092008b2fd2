import { writeFileAtomic } from '../../core/files.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { type ModelFormat, modelFormat } from './formats.js'
import { MonitoringCallback, type MonitorOptions } from './monitor.js'
import { formatPath } from './path-template.js'

export interface ModelCheckpointOptions extends MonitorOptions {
  /**
   * Where to save. `{epoch}` (from 1), `{batch}` and names of logs are filled in, with Python's format specifications:
   * `{epoch:02d}-{val_loss:.2f}.onnx`. The end of the name chooses the form: .onnx; with `saveWeightsOnly` .safetensors.
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

/** Saves the model while it trains. Each file is written whole or not at all. */
export class ModelCheckpoint extends MonitoringCallback {
  readonly #options: ModelCheckpointOptions
  readonly #format: ModelFormat
  #best: number
  #epoch = 0
  #batches = 0

  constructor(options: ModelCheckpointOptions) {
    super(options)
    const { filepath, saveFreq = 'epoch', initialValueThreshold } = options
    if (typeof filepath !== 'string' || filepath === '') throw invalid('ModelCheckpoint needs a filepath')
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw invalid(`saveFreq is 'epoch' or a number of batches, got ${saveFreq}`)
    this.#options = options
    this.#format = modelFormat(filepath, options.saveWeightsOnly ?? false)
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

  override onTrainBatchEnd? = async (batch: number, logs: Logs): Promise<void> => {
    if (++this.#batches < (this.#options.saveFreq as number)) return
    this.#batches = 0
    await this.#save(logs, { batch: batch + 1 })
  }

  override async onEpochEnd(_epoch: number, logs: Logs): Promise<void> {
    if (this.#options.saveFreq === undefined || this.#options.saveFreq === 'epoch') await this.#save(logs, {})
  }

  async #save(logs: Logs, place: { readonly batch?: number }): Promise<void> {
    const { filepath, verbose, write = writeFileAtomic } = this.#options
    if (!this.#isWanted(logs)) return
    const path = formatPath(filepath, { ...logs, epoch: this.#epoch + 1, ...place })
    await write(path, await this.#format.write(this.model))
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
