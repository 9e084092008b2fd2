import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { Callback } from './callback.js'

export interface BackupAndRestoreOptions {
  /** A folder for this training alone. */
  readonly backupDir: string
  /** `epoch`, or a number of batches. */
  readonly saveFreq?: 'epoch' | number
  /** Whether the backup goes when the training has come to its end; true unless given. */
  readonly deleteCheckpoint?: boolean
}

/** What reads and writes the files, which comes with the first training. */
const checkpoints = () => import('../training/checkpoint.js')

/**
 * Keeps all that a training carries in a folder; `fit` of a model that is built and compiled alike then goes on from
 * there, to the same bits as without a break: the same epoch and batch, optimizer state, order of samples and dropout.
 */
export class BackupAndRestore extends Callback {
  readonly #options: BackupAndRestoreOptions
  #batches = 0

  constructor(options: BackupAndRestoreOptions) {
    super()
    checkOptions('BackupAndRestore', options, {
      backupDir: true,
      saveFreq: true,
      deleteCheckpoint: true,
    } satisfies Record<keyof BackupAndRestoreOptions, true>)
    const { backupDir, saveFreq = 'epoch' } = options
    if (typeof backupDir !== 'string' || backupDir === '') throw invalid('BackupAndRestore needs a backupDir')
    if (saveFreq !== 'epoch' && !(Number.isInteger(saveFreq) && saveFreq > 0))
      throw invalid(`saveFreq is 'epoch' or a number of batches, got ${saveFreq}`)
    this.#options = options
    if (saveFreq === 'epoch') this.onTrainBatchEnd = undefined
  }

  override async onTrainBegin(): Promise<void> {
    const { backupDir } = this.#options
    const { readCheckpoint } = await checkpoints()
    const found = await readCheckpoint(backupDir)
    if (!found) return
    const { checkpoint, note } = found
    if (note) console.warn(`lanewise: ${backupDir}: ${note}`)
    await this.model.resume(checkpoint.weights, checkpoint.state)
  }

  override onTrainBatchEnd?: (batch: number, logs: Logs) => Promise<void> = async (_batch, _logs) => {
    if (++this.#batches < (this.#options.saveFreq as number)) return
    this.#batches = 0
    await this.#save()
  }

  override async onEpochEnd(): Promise<void> {
    if (this.#options.saveFreq === undefined || this.#options.saveFreq === 'epoch') await this.#save()
  }

  override async onTrainEnd(): Promise<void> {
    if (this.#options.deleteCheckpoint === false) return
    const { removeCheckpoints } = await checkpoints()
    await removeCheckpoints(this.#options.backupDir)
  }

  async #save(): Promise<void> {
    const { model } = this
    const { takeCheckpoint, writeCheckpoint } = await checkpoints()
    const swapped = model.usesAverages
    if (swapped) await model.swapAverages()
    await writeCheckpoint(this.#options.backupDir, await takeCheckpoint(model))
    if (swapped) await model.swapAverages()
  }
}
