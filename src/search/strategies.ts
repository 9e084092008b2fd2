import { RandomGenerator } from '../core/random.js'
import { type Objective, objectives, type SearchConfig } from './config.js'
import { type TrialRecord, valueAfter } from './record.js'
import type { Settings } from './settings.js'
import { drawFrom, gridOf } from './space.js'

/** Work for a runner: train this trial until it has this many epochs. */
export interface Job {
  readonly trial: number
  readonly epochs: number
}

/**
 * Decides what is trained. It holds no state: what comes next follows from the records alone, so that a search goes on
 * from what is on disk.
 */
export interface Strategy {
  /** The settings of the trials 1, 2, 3 …; the same for the same configuration. */
  readonly trials: readonly Settings[]
  /** The epochs of all jobs, if none fails. */
  readonly totalEpochs: number
  /** The jobs whose turn it is and that no record has finished, in the order to start them; those running among them. */
  open(records: readonly TrialRecord[]): Job[]
  /** The trials that get no more jobs. */
  settled(records: readonly TrialRecord[]): number[]
  /** What it will do, for people. */
  readonly plan: string
}

/** By falling merit after `epochs` epochs; of equals, the earlier trial. Leaves out those without a value. */
export function rank(
  records: readonly TrialRecord[],
  objective: Objective,
  epochs: (record: TrialRecord) => number,
): TrialRecord[] {
  const sign = objectives[objective].better === 'more' ? -1 : 1
  return records
    .filter(({ status }) => status !== 'failed')
    .map((record) => ({ record, value: valueAfter(record, objective, epochs(record)) }))
    .filter(({ value }) => value !== undefined)
    .sort((a, b) => sign * (a.value! - b.value!) || a.record.trial - b.record.trial)
    .map(({ record }) => record)
}

/** The trials from best to worst: those that were trained longest first where trials are halved. */
export function ranking(records: readonly TrialRecord[], { objective, strategy }: SearchConfig): TrialRecord[] {
  const finished = rank(
    records.filter(({ reached }) => reached > 0),
    objective,
    ({ reached }) => reached,
  )
  return strategy === 'halving' ? finished.sort((a, b) => b.reached - a.reached) : finished
}

/** Every trial goes all the way. */
function straight(config: SearchConfig, trials: readonly Settings[]): Strategy {
  const epochsOf = (settings: Settings) => config.epochs ?? (settings['epochs'] as number)
  const totalEpochs = trials.reduce((sum, settings) => sum + epochsOf(settings), 0)
  const isOpen = ({ status, reached, settings }: TrialRecord) => status !== 'failed' && reached < epochsOf(settings)
  return {
    trials,
    totalEpochs,
    plan: `${config.strategy}: ${trials.length} trials, ${totalEpochs} epochs in all`,
    open: (records) => records.filter(isOpen).map(({ trial, settings }) => ({ trial, epochs: epochsOf(settings) })),
    settled: (records) => records.filter((record) => !isOpen(record)).map(({ trial }) => trial),
  }
}

/**
 * Successive halving (Jamieson and Talwalkar, 2016): all trials train for a few epochs, one in `factor` of them goes on to
 * `factor` times as many, and so on. A rung begins when the one before it is finished, so that the order in which trials
 * end decides nothing; the place of a trial that fails later goes to the next best.
 */
function halving(config: SearchConfig, trials: readonly Settings[]): Strategy {
  const rungs = rungsOf(config, trials.length)
  const totalEpochs = rungs.reduce(
    (sum, { epochs, count }, i) => sum + count * (epochs - (rungs[i - 1]?.epochs ?? 0)),
    0,
  )
  return {
    trials,
    totalEpochs,
    plan: `halving: ${rungs.map(({ epochs, count }) => `${count} ${count === 1 ? 'trial' : 'trials'} to epoch ${epochs}`).join(', ')}; ${totalEpochs} epochs in all`,
    open,
    // Whoever did not go on may still take the place of one that fails.
    settled: (records) =>
      records.filter(({ status }) => status === 'failed' || open(records).length === 0).map(({ trial }) => trial),
  }

  function open(records: readonly TrialRecord[]): Job[] {
    let entrants = records
    for (const [i, { epochs }] of rungs.entries()) {
      const open = entrants.filter(({ status, reached }) => status !== 'failed' && reached < epochs)
      if (open.length > 0) return open.map(({ trial }) => ({ trial, epochs }))
      entrants = rank(entrants, config.objective, () => epochs).slice(0, rungs[i + 1]?.count ?? 0)
    }
    return []
  }
}

/** The epochs that trials train up to, and how many trials do, if none fails. */
export function rungsOf(
  { epochs, factor, minEpochs }: Pick<SearchConfig, 'epochs' | 'factor' | 'minEpochs'>,
  trials: number,
): { epochs: number; count: number }[] {
  const rungs: { epochs: number; count: number }[] = []
  for (let reach = minEpochs, count = trials; ; reach *= factor, count = Math.floor(count / factor)) {
    if (reach >= epochs! || count <= factor - 1) {
      rungs.push({ epochs: epochs!, count })
      return rungs
    }
    rungs.push({ epochs: reach, count })
  }
}

const draw = (config: SearchConfig) => drawFrom(config.space, config.trials!, new RandomGenerator(config.seed))

const makers: Record<SearchConfig['strategy'], (config: SearchConfig) => Strategy> = {
  grid: (config) => straight(config, gridOf(config.space)),
  random: (config) => straight(config, draw(config)),
  halving: (config) => halving(config, draw(config)),
}

/** Throws INVALID_ARGUMENT if the space has too few settings. */
export const strategyOf = (config: SearchConfig): Strategy => makers[config.strategy](config)
