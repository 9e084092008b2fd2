import type { SearchConfig } from './config.js'
import { type TrialRecord, valueAfter } from './record.js'
import type { Settings } from './settings.js'
import { trialFolder } from './store.js'
import { ranking, type Strategy } from './strategies.js'

/** A trial with what it came to. */
export interface RankedTrial {
  readonly trial: number
  /** Of the objective, after `epochs` epochs. */
  readonly value: number
  readonly epochs: number
  readonly settings: Settings
}

/** What a search found: the content of results.json. */
export interface SearchResults {
  readonly complete: boolean
  readonly model: string
  readonly strategy: SearchConfig['strategy']
  readonly objective: SearchConfig['objective']
  readonly seed: number
  readonly train: Settings
  /** `model`: the file of the trained network, from the folder of the search. */
  readonly best?: RankedTrial & { readonly model: string }
  /** From best to worst; where trials are halved, those that came furthest first. */
  readonly ranking: readonly RankedTrial[]
  readonly failed: readonly number[]
  readonly trials: readonly TrialRecord[]
}

export function resultsOf(config: SearchConfig, records: readonly TrialRecord[], strategy: Strategy): SearchResults {
  const ranked = ranking(records, config).map((record) => ({
    trial: record.trial,
    value: valueAfter(record, config.objective, record.reached)!,
    epochs: record.reached,
    settings: record.settings,
  }))
  return {
    complete: strategy.open(records).length === 0,
    model: config.model,
    strategy: config.strategy,
    objective: config.objective,
    seed: config.seed,
    train: config.train,
    best: ranked[0] && { ...ranked[0], model: `${trialFolder(ranked[0].trial)}/model.onnx` },
    ranking: ranked,
    failed: records.filter(({ status }) => status === 'failed').map(({ trial }) => trial),
    trials: records,
  }
}
