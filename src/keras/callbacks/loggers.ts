import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { Progress } from '../training/progress.js'
import { Callback } from './callback.js'
import type { CsvLog } from './csv-log.js'

/** The progress that `fit` and `evaluate` print with `verbose`, as a callback of its own. */
export class ProgbarLogger extends Callback {
  #progress = new Progress(0)
  #batches = 0
  #shown = 0

  override onEpochBegin(epoch: number): void {
    const { epochs, steps, verbose } = this.params
    this.#progress = new Progress(verbose || 1)
    this.#progress.begin(steps, `Epoch ${epoch + 1}/${epochs}`)
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#batches = batch + 1
    const now = performance.now()
    if (now - this.#shown < 50) return
    this.#shown = now
    this.#progress.update(this.#batches, logs)
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.#progress.end(this.#batches, logs)
  }
}

export interface CSVLoggerOptions {
  readonly filename: string
  readonly separator?: string
  /** Goes on with a file that is there, in the columns that it has. */
  readonly append?: boolean
}

/** Writes the logs of every epoch as a line of a CSV file: the epoch from 0, then logs by name, NA where there is none. */
export class CSVLogger extends Callback {
  readonly #options: CSVLoggerOptions
  #log: CsvLog | undefined

  constructor(options: CSVLoggerOptions) {
    super()
    checkOptions('CSVLogger', options, {
      filename: true,
      separator: true,
      append: true,
    } satisfies Record<keyof CSVLoggerOptions, true>)
    if (typeof options.filename !== 'string' || options.filename === '') throw invalid('CSVLogger needs a filename')
    this.#options = options
  }

  override async onTrainBegin(): Promise<void> {
    const { openCsvLog } = await import('./csv-log.js')
    this.#log = await openCsvLog(this.#options)
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#log!(epoch, logs, this.params.validationFreq > 0)
  }
}

export interface RemoteMonitorOptions {
  readonly root?: string
  readonly path?: string
  /** The field of the form that holds the JSON, unless `sendAsJson`. */
  readonly field?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly sendAsJson?: boolean
}

/** Posts the logs of every epoch to a server; one that does not answer is told of on the console, and training goes on. */
export class RemoteMonitor extends Callback {
  readonly #options: RemoteMonitorOptions

  constructor(options: RemoteMonitorOptions = {}) {
    super()
    checkOptions('RemoteMonitor', options, {
      root: true,
      path: true,
      field: true,
      headers: true,
      sendAsJson: true,
    } satisfies Record<keyof RemoteMonitorOptions, true>)
    this.#options = options
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { root = 'http://localhost:9000', path = '/publish/epoch/end/', field = 'data' } = this.#options
    const { headers = {}, sendAsJson = false } = this.#options
    const json = JSON.stringify({ epoch, ...logs })
    try {
      const body = sendAsJson ? json : new URLSearchParams({ [field]: json })
      const type: Record<string, string> = sendAsJson ? { 'Content-Type': 'application/json' } : {}
      const answer = await fetch(root + path, { method: 'POST', headers: { ...type, ...headers }, body })
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    } catch (error) {
      console.warn(`lanewise: RemoteMonitor could not reach ${root}${path}: ${(error as Error).message}`)
    }
  }
}
