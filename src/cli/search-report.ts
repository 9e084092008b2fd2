import { relative } from 'node:path'
import { MultiBar, type SingleBar } from 'cli-progress'
import type { SearchConfig } from '../search/config.js'
import { type TrialRecord, valueAfter } from '../search/record.js'
import type { SearchResults } from '../search/results.js'
import type { SearchObserver } from '../search/search.js'
import type { Settings } from '../search/settings.js'
import type { SearchStore } from '../search/store.js'
import type { Job, Strategy } from '../search/strategies.js'
import { printJson, printNotes } from './terminal.js'

export const describeSettings = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join('  ')

const figure = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(4)).padStart(8)

const shownAtTheEnd = 10
const clearToEnd = '\u001b[K'
const idle = { name: '·'.padStart(10), text: '' }

/**
 * What a search tells: on a terminal, finished trials as lines above a live table of those that run; a line a trial where
 * the output is piped; or JSON lines.
 */
export class SearchReport {
  readonly #config: SearchConfig
  readonly #store: SearchStore
  readonly #json: boolean
  #bars: MultiBar | undefined
  readonly #total: SingleBar | undefined
  readonly #slots: { readonly bar: SingleBar; trial?: number }[] = []

  constructor(
    config: SearchConfig,
    strategy: Strategy,
    store: SearchStore,
    { json, workers }: { readonly json: boolean; readonly workers: number },
  ) {
    this.#config = config
    this.#store = store
    this.#json = json
    const epochsDone = store.records.reduce((sum, { epochs }) => sum + epochs.length, 0)
    const ended = store.records.filter(({ reached, status }) => reached > 0 || status === 'failed').length
    if (!json) {
      console.log(`${config.model}, ${strategy.plan}; ${config.objective} decides`)
      if (ended > 0) console.log(`going on: ${ended} trials were trained before, ${epochsDone} epochs`)
    }
    if (json || !process.stdout.isTTY) return
    this.#bars = new MultiBar({
      stream: process.stdout,
      format: '{name} {bar} {value}/{total} {text}',
      barsize: 20,
      barCompleteChar: '━',
      barIncompleteChar: '·',
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
      emptyOnZero: true,
    })
    const rows = Math.min(workers, strategy.trials.length)
    for (let i = 0; i < rows; i++) this.#slots.push({ bar: this.#bars.create(1, 0, { ...idle }) })
    this.#total = this.#bars.create(strategy.totalEpochs, epochsDone, {
      name: 'epochs'.padStart(10),
      text: this.#best(),
    })
  }

  readonly observer: SearchObserver = {
    onStart: (job, { settings, epochs }) => {
      if (this.#json) printJson({ event: 'start', ...job, settings })
      const slot = this.#slots.find(({ trial }) => trial === undefined)
      if (!slot) return
      slot.trial = job.trial
      slot.bar.setTotal(job.epochs)
      slot.bar.update(epochs.length, { name: `trial ${job.trial}`.padStart(10), text: describeSettings(settings) })
    },
    onEpoch: (job, { settings }, line) => {
      if (this.#json) printJson({ event: 'epoch', trial: job.trial, ...line })
      const text = `${figure(line[this.#config.objective])}  ${describeSettings(settings)}`
      this.#slots.find(({ trial }) => trial === job.trial)?.bar.update(line.epoch, { text })
      this.#total?.increment()
    },
    onEnd: (job, record) => this.#end(job, record),
  }

  #end({ trial, epochs }: Job, record: TrialRecord): void {
    const slot = this.#slots.find((one) => one.trial === trial)
    if (slot) {
      slot.trial = undefined
      slot.bar.update(0, idle)
    }
    if (record.status === 'running') return
    const value = valueAfter(record, this.#config.objective, epochs)
    const { status, error, test, settings, notes } = record
    if (this.#json) printJson({ event: 'end', trial, status, epochs, value, test, error, notes })
    else if (status === 'failed') this.#line(`trial ${trial} FAILED  ${describeSettings(settings)}: ${error}`)
    else this.#line(`trial ${String(trial).padEnd(4)} epoch ${epochs} ${figure(value)}  ${describeSettings(settings)}`)
    this.#total?.update({ text: this.#best() })
  }

  #best(): string {
    const values = this.#store.records.flatMap((record) =>
      record.status === 'done' ? [valueAfter(record, this.#config.objective, record.reached)!] : [],
    )
    if (values.length === 0) return ''
    const best = this.#config.objective.toLowerCase().includes('loss') ? Math.min(...values) : Math.max(...values)
    return `best ${this.#config.objective} ${best.toFixed(4)}`
  }

  #line(text: string): void {
    // What is logged is written over the table, line by line.
    if (this.#bars) this.#bars.log(`${text}\n`.replaceAll('\n', `${clearToEnd}\n`))
    else console.log(text)
  }

  /** Takes the table off the screen. */
  close(): void {
    // It writes what was logged last; stopping alone drops that.
    this.#bars?.update()
    this.#bars?.stop()
    this.#bars = undefined
  }

  finish(results: SearchResults): void {
    this.close()
    const folder = relative(process.cwd(), this.#store.folder) || '.'
    const { complete, best, ranking, failed } = results
    if (this.#json) {
      printJson({ event: 'results', complete, best, ranking, failed, folder })
      return
    }
    printNotes([...new Set(results.trials.flatMap(({ notes = [] }) => notes))])
    const lines = ranking
      .slice(0, shownAtTheEnd)
      .map(
        ({ trial, value, epochs, settings }, i) =>
          `${String(i + 1).padStart(4)}  trial ${String(trial).padEnd(4)} epoch ${String(epochs).padEnd(4)} ${figure(value)}  ${describeSettings(settings)}`,
      )
    if (lines.length > 0) console.log(`by ${this.#config.objective}:\n${lines.join('\n')}`)
    if (ranking.length > lines.length) console.log(`      and ${ranking.length - lines.length} more`)
    if (failed.length > 0) console.log(`failed: trial ${failed.join(', ')} (why: trial.json in the trial’s folder)`)
    if (complete && best) console.log(`best model: ${folder}/${best.model}`)
    console.log(`results: ${folder}/results.json, ${folder}/results.svg`)
    if (!complete) console.log('not finished: go on with the same command and --resume')
  }
}
