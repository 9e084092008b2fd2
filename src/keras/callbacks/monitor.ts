import { invalid } from '../config.js'
import type { Logs } from '../training/logs.js'
import { type BoundCallback, Callback } from './callback.js'

export interface MonitorOptions {
  /** The log to watch; `val_loss` unless given. */
  readonly monitor?: string
  /** The least change that counts as an improvement. */
  readonly minDelta?: number
  /** Whether lower or higher is better; `auto` goes by the name. */
  readonly mode?: 'auto' | 'min' | 'max'
  /** 1: says what it does. */
  readonly verbose?: 0 | 1
}

export const monitorOptions = { monitor: true, minDelta: true, mode: true, verbose: true } as const

/** Names of losses and errors, and of what counts hits; with or without an output's name before. */
const lower =
  /(^|_)(loss|error|mse|mae|mape|msle|crossentropy|hinge|divergence|poisson|logcosh|false_\w+|dice|tversky)$/
const higher =
  /acc|auc|precision|recall|sensitivity|specificity|f1|f_?beta|fbeta|r2|iou|cosine|pearson|concordance|true_/

/** Whether a higher value of the log `name` is better. Throws INVALID_ARGUMENT where its name does not tell. */
function isHigherBetter(name: string, mode: 'auto' | 'min' | 'max'): boolean {
  if (mode !== 'auto') {
    if (mode !== 'min' && mode !== 'max') throw invalid(`mode must be auto, min or max, got '${mode}'`)
    return mode === 'max'
  }
  if (lower.test(name)) return false
  if (higher.test(name)) return true
  throw invalid(`whether '${name}' should rise or fall does not follow from its name; give mode: 'min' or 'max'`)
}

/** Compares values of one log. */
export class Monitor {
  readonly #sign: 1 | -1
  readonly #minDelta: number

  constructor(
    readonly name: string,
    mode: 'auto' | 'min' | 'max' = 'auto',
    minDelta = 0,
  ) {
    this.#sign = isHigherBetter(name, mode) ? 1 : -1
    this.#minDelta = Math.abs(minDelta)
  }

  /** What every value is better than. */
  get worst(): number {
    return -this.#sign * Number.POSITIVE_INFINITY
  }

  /** Whether `value` is better than `reference` by more than the least change. */
  isBetter(value: number, reference: number): boolean {
    return this.#sign * (value - this.#sign * this.#minDelta) > this.#sign * reference
  }

  /** The value of the log; undefined in epochs without validation. Throws INVALID_ARGUMENT where it is never logged. */
  valueOf(logs: Logs, { params }: BoundCallback): number | undefined {
    const { name } = this
    if (name in logs) return logs[name]
    const measured = Object.keys(logs).some((key) => key.startsWith('val_'))
    if (name.startsWith('val_') && params.validationFreq > 0 && !measured) return undefined
    throw invalid(`a callback watches '${name}', which is not logged; logged: ${Object.keys(logs).join(', ')}`)
  }
}

/** A callback that watches one log. */
export abstract class MonitoringCallback extends Callback {
  protected readonly monitor: Monitor

  constructor({ monitor = 'val_loss', mode, minDelta }: MonitorOptions) {
    super()
    this.monitor = new Monitor(monitor, mode, minDelta)
  }
}
