import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { localRunner } from '../src/search/local-runner.js'
import { lockFolder } from '../src/search/lock.js'
import type { EpochLine, TrialRecord } from '../src/search/record.js'
import type { Outcome, TrialJob, TrialRunner } from '../src/search/runner.js'
import { search } from '../src/search/search.js'
import type { Settings } from '../src/search/settings.js'
import { SearchStore } from '../src/search/store.js'
import { strategyOf } from '../src/search/strategies.js'
import { withFolder } from './support/cli.js'
import { base, parse, refused } from './support/search.js'

/** Trains nothing: the accuracy of an epoch follows from the settings. `at` may interfere before each epoch. */
class FormulaRunner implements TrialRunner {
  readonly jobs: TrialJob[] = []
  readonly released = new Map<number, boolean>()
  running = 0
  mostRunning = 0
  readonly #at: (job: TrialJob, epoch: number) => Outcome | undefined

  constructor(at: (job: TrialJob, epoch: number) => Outcome | undefined = () => undefined) {
    this.#at = at
  }

  async run(job: TrialJob, onEpoch: (line: EpochLine) => void, signal: AbortSignal): Promise<Outcome> {
    this.jobs.push(job)
    this.running++
    this.mostRunning = Math.max(this.mostRunning, this.running)
    try {
      for (let epoch = job.from + 1; epoch <= job.epochs; epoch++) {
        await new Promise((resolve) => setTimeout(resolve, 1 + ((job.trial * 7) % 5)))
        const early = this.#at(job, epoch)
        if (early) return early
        if (signal.aborted) return { status: 'stopped' }
        onEpoch({ epoch, valAccuracy: accuracyOf(job.options, epoch), loss: 1 / epoch, seconds: 0.1, msPerStep: 1 })
      }
      return { status: 'done', test: { loss: 0, accuracy: accuracyOf(job.options, job.epochs) } }
    } finally {
      this.running--
    }
  }

  async release(trial: number, keep: boolean): Promise<void> {
    this.released.set(trial, keep)
  }
}

/** Best at a learning rate of 0.01. */
const accuracyOf = ({ learningRate }: Settings, epoch: number): number =>
  (1 - 0.2 * Math.abs(Math.log10(learningRate as number) + 2)) * (1 - 2 ** -epoch)

async function run(
  folder: string,
  config: object,
  runner: TrialRunner,
  { resume = false, signal = new AbortController().signal, workers = 3 } = {},
) {
  const parsed = parse(config)
  const strategy = strategyOf(parsed)
  const store = await SearchStore.open(folder, parsed, strategy.trials, resume)
  try {
    return await search(parsed, strategy, store, runner, { workers, signal })
  } finally {
    await store.close()
  }
}

const recordOf = (folder: string, trial: number): TrialRecord =>
  JSON.parse(readFileSync(join(folder, `trial-${String(trial).padStart(4, '0')}`, 'trial.json'), 'utf8'))

test('a search trains what the strategy says, at most so many at a time, and ranks it', () =>
  withFolder(async (root) => {
    const folder = join(root, 'search')
    const runner = new FormulaRunner()
    const results = await run(folder, base, runner)
    assert.is(results.complete, true)
    assert.is(runner.jobs.length, 12)
    assert.is(runner.mostRunning, 3)
    const values = results.trials.map(({ settings }) => accuracyOf(settings, 4))
    assert.is(results.best!.value, Math.max(...values))
    assert.equal(
      results.ranking.map(({ value }) => value),
      [...values].sort((a, b) => b - a),
    )
    assert.equal(JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')), JSON.parse(JSON.stringify(results)))
    assert.equal(
      [...runner.released].filter(([, keep]) => keep).map(([trial]) => trial),
      [results.best!.trial],
    )
    assert.is(runner.released.size, 12)
    assert.ok(!existsSync(join(folder, 'lock')))
    assert.ok(readdirSync(folder, { recursive: true }).every((name) => !String(name).endsWith('.tmp')))
    const [{ options }] = runner.jobs
    assert.is(options['seed'], 0)
    assert.is(options['validationSplit'], 0.1)
  }))

test('the plot is well-formed, with a curve a trial, a dot a trial and option, and the best in front', () =>
  withFolder(async (root) => {
    const results = await run(join(root, 's'), { ...base, model: '<&">' }, new FormulaRunner())
    const svg = readFileSync(join(root, 's', 'results.svg'), 'utf8')
    assert.match(svg, /&lt;&amp;&quot;&gt;: random search, 12 trials/)
    assert.not.match(svg, /NaN|undefined|Infinity/)
    const open: string[] = []
    for (const [, end, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (end) assert.is(open.pop(), name)
      else if (!self) open.push(name)
    }
    assert.equal(open, [])
    const count = (pattern: RegExp) => [...svg.matchAll(pattern)].length
    assert.is(count(/fill="none"/g), 12)
    assert.is(count(/r="4"/g), 12 * 3)
    assert.is(count(/#d1495b/g), 2 + 3)
    assert.match(svg, new RegExp(`best: trial ${results.best!.trial},`))
  }))

test('halving goes on with the best of each rung, from where they were', () =>
  withFolder(async (root) => {
    const config = { ...base, strategy: 'halving', trials: 9, epochs: 9 }
    const runner = new FormulaRunner()
    const results = await run(join(root, 's'), config, runner)
    const at = (epochs: number) => runner.jobs.filter((job) => job.epochs === epochs)
    assert.equal([at(1).length, at(3).length, at(9).length, runner.jobs.length], [9, 3, 1, 13])
    const sorted = results.trials
      .map(({ trial, settings }) => ({ trial, value: accuracyOf(settings, 1) }))
      .sort((a, b) => b.value - a.value)
      .map(({ trial }) => trial)
    assert.equal(
      at(3)
        .map(({ trial }) => trial)
        .sort(),
      sorted.slice(0, 3).sort(),
    )
    assert.equal(
      at(9).map(({ trial, from }) => [trial, from]),
      [[sorted[0], 3]],
    )
    assert.is(results.best!.trial, sorted[0])
    assert.equal(
      results.ranking.map(({ epochs }) => epochs),
      [9, 3, 3, 1, 1, 1, 1, 1, 1],
    )
  }))

test('a trial that fails is kept as such, its place goes to the next, and the search goes on', () =>
  withFolder(async (root) => {
    const config = { ...base, strategy: 'halving', trials: 9, epochs: 9 }
    const whole = await run(join(root, 'whole'), config, new FormulaRunner())
    const bad = whole.ranking[0].trial
    const fail = new FormulaRunner(({ trial }, epoch) =>
      trial === bad && epoch === 3 ? { status: 'failed', error: 'the loss is NaN' } : undefined,
    )
    const results = await run(join(root, 's'), config, fail)
    assert.equal(results.failed, [bad])
    assert.is(results.complete, true)
    assert.is(recordOf(join(root, 's'), bad).error, 'the loss is NaN')
    assert.is(results.best!.trial, whole.ranking[1].trial)
    assert.is(fail.jobs.filter(({ epochs }) => epochs === 3).length, 4)
  }))

test('a training that does not measure the objective fails at once, with what there is', () =>
  withFolder(async (root) => {
    const results = await run(join(root, 's'), { ...base, objective: 'valLoss', trials: 2 }, new FormulaRunner())
    assert.equal(results.failed, [1, 2])
    const { error, epochs } = results.trials[0]
    assert.is(error, 'the training has no valLoss in epoch 1; it tells valAccuracy, loss')
    assert.is(epochs.length, 1)
  }))

test('a search that is stopped anywhere goes on to the same results', () =>
  withFolder(async (root) => {
    const config = { ...base, strategy: 'halving', trials: 9, epochs: 9 }
    const comparable = (results: Awaited<ReturnType<typeof run>>) => JSON.stringify(results.ranking)
    const whole = await run(join(root, 'whole'), config, new FormulaRunner())
    const total = 9 + 3 * 2 + 6
    for (const stopAfter of [1, 5, 9, 12, 16, 20]) {
      const folder = join(root, `stop-${stopAfter}`)
      let trained = 0
      let resume = false
      for (let tries = 0; ; tries++) {
        const stop = new AbortController()
        let left = stopAfter
        const counting = new FormulaRunner(() => {
          if (left-- <= 0) stop.abort()
          else trained++
          return undefined
        })
        const results = await run(folder, config, counting, { resume, signal: stop.signal })
        resume = true
        if (!stop.signal.aborted) {
          assert.is(comparable(results), comparable(whole))
          assert.ok(trained <= total + tries * 3, `${trained} epochs`)
          break
        }
        assert.is(results.complete, false)
        assert.ok(tries < 60)
      }
    }
  }))

test('a record that cannot be written ends the search', () =>
  withFolder(async (root) => {
    const parsed = parse(base)
    const strategy = strategyOf(parsed)
    const store = await SearchStore.open(join(root, 's'), parsed, strategy.trials, false)
    writeFileSync(store.folderOf(5), 'a file in the place of a folder')
    const runner = new FormulaRunner()
    const { signal } = new AbortController()
    await refused(
      () => search(parsed, strategy, store, runner, { workers: 3, signal }),
      'IO_ERROR',
      /cannot write .*trial-0005.trial\.json/,
    )
    await store.close()
    assert.is(runner.running, 0)
    assert.is(recordOf(join(root, 's'), 1).status, 'done')
  }))

/** A program in the place of `lanewise`: tells epochs from a checkpoint's on, and the test's result. */
const stand = `
const { existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const args = process.argv.slice(1)
const after = (flag) => args[args.indexOf(flag) + 1]
const file = after('--checkpoint') + '/epoch'
mkdirSync(after('--checkpoint'), { recursive: true })
console.log('a word of the model')
const from = args.includes('--resume') ? Number(readFileSync(file, 'utf8')) : 0
if (!args.includes('--resume') && existsSync(file)) throw new Error('the checkpoint was to go')
for (let epoch = from + 1; epoch <= Number(after('--epochs')); epoch++) {
  if (epoch !== Number(after('--seed'))) console.log(JSON.stringify({ epoch, valAccuracy: 0.5 }))
  writeFileSync(file, String(epoch))
}
console.log(JSON.stringify({ test: { loss: 1, accuracy: 0.5 } }))
`

test('a local trial goes on where it was; where figures were lost it begins anew; what tells none fails', () =>
  withFolder(async (root) => {
    const runner = localRunner({
      command: [process.execPath, '-e', stand, '--'],
      folderOf: (trial) => join(root, `${trial}`),
      argumentsOf: (option, value) => [`--${option}`, String(value)],
    })
    const run = async (trial: number, from: number, seed: number) => {
      const epochs: number[] = []
      const job = { trial, model: 'model1', options: { seed, synthetic: true }, epochs: 5, from }
      const { status } = await runner.run(job, ({ epoch }) => epochs.push(epoch), new AbortController().signal)
      return [status, epochs]
    }
    const checkpoint = (trial: number, epoch: number) => {
      mkdirSync(join(root, `${trial}/checkpoint`), { recursive: true })
      writeFileSync(join(root, `${trial}/checkpoint/epoch`), `${epoch}`)
    }
    const all = [1, 2, 3, 4, 5]
    assert.equal(await run(1, 0, 0), ['done', all])
    checkpoint(2, 2)
    assert.equal(await run(2, 2, 0), ['done', [3, 4, 5]])
    checkpoint(3, 1)
    assert.equal(await run(3, 2, 0), ['done', [2, 3, 4, 5]], 'told before it was kept')
    checkpoint(4, 4)
    assert.equal(await run(4, 2, 0), ['done', all], 'kept before it was told')
    checkpoint(5, 5)
    assert.equal(await run(5, 2, 0), ['done', all], 'ended before it was told')
    checkpoint(6, 2)
    assert.equal(await run(6, 0, 0), ['done', all], 'a checkpoint of nobody')
    assert.equal(await run(7, 2, 0), ['done', all], 'the checkpoint is lost')
    assert.equal(await run(8, 0, 5), ['failed', [1, 2, 3, 4]])
    await runner.release(1, true)
    assert.equal(readdirSync(join(root, '1')), [])
  }))

test('a folder is of one search: others are refused, while it runs and afterwards', () =>
  withFolder(async (root) => {
    const folder = join(root, 's')
    const config = { ...base, trials: 2 }
    const open = (changed: object, resume: boolean) => {
      const parsed = parse(changed)
      return SearchStore.open(folder, parsed, strategyOf(parsed).trials, resume)
    }
    await refused(() => open(config, true), 'DATA_NOT_FOUND', /--resume: there is no search in/)
    const first = await open(config, false)
    await refused(() => open(config, true), 'INVALID_ARGUMENT', /another search uses this folder \(process \d+ on /)
    await first.close()
    await refused(() => open(config, false), 'INVALID_ARGUMENT', /holds a search: add --resume/)
    await refused(() => open({ ...config, seed: 4 }, true), 'INVALID_ARGUMENT', /has another seed: restore/)
    await refused(
      () => open({ ...config, space: { seed: [1, 2, 3] } }, true),
      'INVALID_ARGUMENT',
      /has another space: restore/,
    )
    await (await open(config, true)).close()

    mkdirSync(join(folder, 'trial-0001'))
    writeFileSync(join(folder, 'trial-0001/trial.json'), '{ "trial": 1')
    await refused(() => open(config, true), 'INVALID_DATA', /trial\.json is damaged: .*/)
    const other = join(root, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'thesis.tex'), '')
    const parsed = parse(config)
    await refused(
      () => SearchStore.open(other, parsed, strategyOf(parsed).trials, false),
      'INVALID_ARGUMENT',
      /holds other files/,
    )
    assert.equal(readdirSync(other), ['thesis.tex'])
  }))

test('the lock of a process that is gone is taken over, one of another machine is not', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'lock')
    const gone = { pid: 2 ** 22 - 1, host: hostname(), since: 'then' }
    writeFileSync(path, JSON.stringify(gone))
    const unlock = await lockFolder(folder, 'search')
    await refused(() => lockFolder(folder, 'search'), 'INVALID_ARGUMENT', /another search/)
    await unlock()
    assert.equal(readdirSync(folder), [])
    writeFileSync(path, JSON.stringify({ ...gone, host: 'elsewhere' }))
    await refused(
      () => lockFolder(folder, 'search'),
      'INVALID_ARGUMENT',
      /on elsewhere, since then\); if none does, delete/,
    )
    writeFileSync(path, 'nonsense')
    await refused(() => lockFolder(folder, 'search'), 'INVALID_ARGUMENT', /another search/)
  }))

test.run()
