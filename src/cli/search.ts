import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import { parseConfig, type SearchConfig } from '../search/config.js'
import { localRunner } from '../search/local-runner.js'
import { newRecord } from '../search/record.js'
import type { TrialJob, TrialRunner } from '../search/runner.js'
import { search } from '../search/search.js'
import { isParameterName, type OptionRules, type Settings, type Value } from '../search/settings.js'
import { SearchStore } from '../search/store.js'
import { strategyOf } from '../search/strategies.js'
import { loadData } from './data.js'
import { examples, numberOption } from './options.js'
import { setArguments } from './parameters.js'
import { courseNames, loadRecipe } from './recipe.js'
import { describeSettings, SearchReport } from './search-report.js'
import { onStop } from './signals.js'
import { printJson } from './terminal.js'
import { addTrain, numericOptions } from './train.js'

interface SearchCommandOptions {
  out?: string
  resume?: boolean
  retryFailed?: boolean
  workers?: number
  dryRun?: boolean
  json?: boolean
}

export const addSearch = (program: Command): Command =>
  program
    .command('search')
    .description('train a network with many settings and find the best')
    .argument('<config.json>', 'what to train, and the values to search over')
    .option('--out <folder>', 'folder of the trials and results (default: named as the config)')
    .option('--resume', 'go on with the search in that folder')
    .option('--retry-failed', 'with --resume: train the trials that failed once more')
    .addOption(
      numberOption('--workers <n>', 'trials at a time (default: one a core)', { low: 1, high: 256, whole: true }),
    )
    .option('--dry-run', 'list the trials, and do nothing')
    .option('--json', 'print JSON lines instead of text')
    .addHelpText(
      'after',
      examples('search digits.json --dry-run', 'search digits.json --workers 2', 'search digits.json --resume'),
    )
    .action(runSearch)

/** Options of `train` that are the search's own business: where each trial writes to, what it prints, and the model's parameters. */
const ownOptions = ['out', 'report', 'checkpoint', 'checkpointEvery', 'resume', 'json', 'set']
const trainOptions = addTrain(new Command()).options.filter((option) => !ownOptions.includes(option.attributeName()))

/** What a configuration may set: the options of `train`. */
const rules: OptionRules = Object.fromEntries(
  trainOptions.map((option) => {
    const name = option.attributeName()
    if (name in numericOptions)
      return [name, { kind: 'number', ...numericOptions[name as keyof typeof numericOptions] }]
    return [name, { kind: option.isBoolean() ? 'flag' : 'text' }]
  }),
)

const flags = Object.fromEntries(trainOptions.map((option) => [option.attributeName(), option.long!]))

async function runSearch(file: string, options: SearchCommandOptions): Promise<void> {
  if (options.retryFailed && !options.resume)
    throw new LanewiseError('INVALID_ARGUMENT', '--retry-failed needs --resume')
  const workers = options.workers ?? availableParallelism()
  const config = parseConfig(new TextDecoder().decode(await readFile(file)), file, rules)
  const strategy = strategyOf(config)
  if (options.dryRun) {
    if (!options.json) console.log(strategy.plan)
    strategy.trials.forEach((settings, i) => {
      if (options.json) printJson({ trial: i + 1, settings })
      else console.log(`${String(i + 1).padStart(5)}  ${describeSettings(settings)}`)
    })
    return
  }

  const located = fromConfigsFolder({ model: config.model, options: config.train }, file)
  await loadRecipe(located.model, parametersOf({ ...located.options, ...strategy.trials[0] }))
  await checkData(located.options, config)
  const folder = resolve(options.out ?? basename(file, extname(file)))
  const store = await SearchStore.open(folder, config, strategy.trials, options.resume ?? false)
  const stop = new AbortController()
  const endWatch = onStop(() => stop.abort())
  const report = new SearchReport(config, strategy, store, { json: options.json ?? false, workers })
  try {
    if (options.retryFailed)
      for (const { trial, settings, status } of store.records)
        if (status === 'failed') await store.save(newRecord(trial, settings))
    const cli = fileURLToPath(new URL('./cli.js', import.meta.url))
    const threads = Math.max(1, Math.floor(availableParallelism() / workers))
    const local = localRunner({
      command: [process.execPath, cli],
      folderOf: (trial) => store.folderOf(trial),
      argumentsOf: (option, value) =>
        isParameterName(option) ? setArguments(option.slice(1), value) : argumentsOf(flags[option], value),
      defaults: { threads },
    })
    const runner: TrialRunner = {
      run: (job, ...rest) => local.run({ ...job, ...fromConfigsFolder(job, file) }, ...rest),
      release: local.release,
    }
    const results = await search(config, strategy, store, runner, { workers, signal: stop.signal, ...report.observer })
    report.finish(results)
    if (results.complete && !results.best) process.exitCode = 1
  } finally {
    report.close()
    endWatch()
    await store.close()
  }
}

const argumentsOf = (flag: string, value: Value): string[] => {
  if (typeof value === 'boolean') return value ? [flag] : []
  return [flag, String(value)]
}

const parametersOf = (settings: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (isParameterName(name) ? [[name.slice(1), value]] : [])),
  )

/** Files that a configuration names are looked for from its own folder. */
function fromConfigsFolder({ model, options }: Pick<TrialJob, 'model' | 'options'>, file: string) {
  const from = (path: string) => (/^(https?|file):/.test(path) ? path : resolve(dirname(file), path))
  const isNetwork = (courseNames as readonly string[]).includes(model)
  const { data, dataDir } = options
  return {
    model: isNetwork ? model : from(model),
    options: {
      ...options,
      ...(typeof data === 'string' && data !== 'mnist' && { data: from(data) }),
      ...(typeof dataDir === 'string' && { dataDir: from(dataDir) }),
    },
  }
}

/** Fails, or downloads, once before all trials would. */
async function checkData(options: Settings, { space }: SearchConfig): Promise<void> {
  if (['data', 'dataDir', 'synthetic'].some((name) => name in space)) return
  const { data = 'mnist', dataDir, synthetic } = options as { data?: string; dataDir?: string; synthetic?: boolean }
  if (data === 'mnist') await loadData({ data, dataDir, synthetic })
  else if (!existsSync(data)) throw new LanewiseError('DATA_NOT_FOUND', `there is no data set at ${data}`)
}
