import { invalid } from '../config.js'
import type { Logs } from './logs.js'

/** How much `fit` and `evaluate` print: nothing, a bar, one line an epoch; `auto` is a bar on a terminal, else nothing. */
export type Verbosity = 0 | 1 | 2 | 'auto' | boolean

const columns = (): number => (typeof process !== 'undefined' && process.stdout?.columns) || 80

const isTerminal = (): boolean => typeof process !== 'undefined' && process.stdout?.isTTY === true

export const resolveVerbosity = (verbose: Verbosity | undefined): 0 | 1 | 2 => {
  if (verbose === undefined || verbose === 'auto') return isTerminal() ? 1 : 0
  if (![0, 1, 2, true, false].includes(verbose)) throw invalid(`verbose is 0, 1, 2 or 'auto', got ${verbose}`)
  return Number(verbose) as 0 | 1 | 2
}

const print = (text: string): void => {
  if (typeof process !== 'undefined' && process.stdout) process.stdout.write(text)
  else console.log(text.replace(/^\r/, '').replace(/\n$/, ''))
}

const formatLogs = (logs: Logs): string =>
  Object.entries(logs)
    .map(
      ([name, value]) =>
        ` - ${name}: ${Math.abs(value) > 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(4)}`,
    )
    .join('')

/** Keras's progress output. */
export class Progress {
  readonly #verbosity: 0 | 1 | 2
  #started = 0
  #total: number | undefined

  constructor(verbosity: 0 | 1 | 2) {
    this.#verbosity = verbosity
  }

  /** Whether `update` prints anything. */
  get animated(): boolean {
    return this.#verbosity === 1 && isTerminal()
  }

  begin(total: number | undefined, title?: string): void {
    this.#started = performance.now()
    this.#total = total
    if (this.#verbosity > 0 && title) print(`${title}\n`)
  }

  update(done: number, logs: Logs): void {
    if (this.animated) print(`\r${this.#line(done, logs).slice(0, columns() - 1)}\x1b[K`)
  }

  end(done: number, logs: Logs): void {
    if (this.#verbosity === 0) return
    this.#total ??= done
    print(`${this.animated ? '\r\x1b[K' : ''}${this.#line(done, logs)}\n`)
  }

  #line(done: number, logs: Logs): string {
    const total = Math.max(this.#total ?? 0, done)
    const elapsed = performance.now() - this.#started
    const perStep = `${(elapsed / Math.max(done, 1)).toFixed(elapsed / Math.max(done, 1) < 10 ? 2 : 0)}ms/step`
    const counter = `${String(done).padStart(String(total).length)}/${this.#total ?? '?'}`
    const time = `${(elapsed / 1000).toFixed(elapsed < 10_000 ? 1 : 0)}s ${perStep}`
    if (this.#verbosity === 2) return `${counter} - ${time}${formatLogs(logs)}`
    const filled = this.#total === undefined ? 0 : Math.floor((20 * done) / total)
    return `${counter} ${'━'.repeat(filled)}${' '.repeat(20 - filled)} ${time}${formatLogs(logs)}`
  }
}
