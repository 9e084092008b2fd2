import { LanewiseError } from '../core/errors.js'
import { Place } from './reader.js'
import { isParameterName, type OptionRules, ruleOf, type Settings } from './settings.js'
import { readParameter, readValue, type Space } from './space.js'

export const strategyNames = ['grid', 'random', 'halving'] as const

/** What trials are compared by, and whether more of it is better. */
export const objectives = {
  valAccuracy: { better: 'more' },
  valLoss: { better: 'less' },
  accuracy: { better: 'more' },
  loss: { better: 'less' },
} as const

export type Objective = keyof typeof objectives

/** A search, as its JSON file describes it; README.md shows one. */
export interface SearchConfig {
  /** What `lanewise train` trains. */
  readonly model: string
  /** Options that all trials share. */
  readonly train: Settings
  readonly space: Space
  readonly strategy: (typeof strategyNames)[number]
  /** How many settings are drawn; a grid takes all. */
  readonly trials?: number
  /** Epochs of a trial: of one that goes all the way, where trials are halved. Undefined where the space says. */
  readonly epochs?: number
  /** Halving: one in `factor` trials goes on to `factor` times the epochs, from `minEpochs` on. */
  readonly factor: number
  readonly minEpochs: number
  readonly objective: Objective
  /** Decides what is drawn; trials train with it, too, unless `train` or the space have a seed. */
  readonly seed: number
}

const keys = [
  'model',
  'train',
  'space',
  'strategy',
  'trials',
  'epochs',
  'factor',
  'minEpochs',
  'objective',
  'seed',
] as const

/** Share of the training images that trials are judged on, unless `train` says otherwise. */
const validationSplit = 0.1
const maxTrials = 10_000

/** Reads a search's JSON. Throws INVALID_ARGUMENT, which names the place in `file`, for whatever it does not know. */
export function parseConfig(json: string, file: string, rules: OptionRules): SearchConfig {
  const root = new Place(file, parseJson(json, file))
  root.entries(keys)
  const optional = <T>(key: (typeof keys)[number], read: (place: Place) => T, otherwise: T): T =>
    root.has(key) ? read(root.at(key)) : otherwise

  const strategy = root.at('strategy').oneOf(strategyNames)
  const objective = optional('objective', (place) => place.oneOf(Object.keys(objectives) as Objective[]), 'valAccuracy')
  const space = readSpace(root.at('space'), rules)
  const train = optional('train', (place) => readTrain(place, rules, space), {} as Settings)
  const judged = objective.startsWith('val')
  if (judged && train['validationSplit'] === 0)
    root.at('train').at('validationSplit').fail(`${objective} needs images to validate on: a share above 0`)
  checkStrategy(root, strategy, space)
  if (strategy === 'grid') checkGrid(root.at('space'), space)
  const epochs = Object.hasOwn(space, 'epochs') ? undefined : root.at('epochs').number(1, 1e6, true)
  return {
    model: root.at('model').text(),
    train: { ...(judged && !Object.hasOwn(space, 'validationSplit') ? { validationSplit } : {}), ...train },
    space,
    strategy,
    trials: strategy === 'grid' ? undefined : root.at('trials').number(1, maxTrials, true),
    epochs,
    factor: optional('factor', (place) => place.number(2, 100, true), 3),
    minEpochs: optional('minEpochs', (place) => place.number(1, epochs ?? 1, true), 1),
    objective,
    seed: optional('seed', (place) => place.number(0, 2 ** 31 - 1, true), 0),
  }
}

function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new LanewiseError('INVALID_ARGUMENT', `${file} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function readSpace(place: Place, rules: OptionRules): Space {
  const entries = place.entries(Object.keys(rules), isParameterName)
  if (entries.length === 0) place.fail('there is nothing to search over')
  return Object.fromEntries(entries.map(([name, at]) => [name, readParameter(at, ruleOf(rules, name))]))
}

function readTrain(place: Place, rules: OptionRules, space: Space): Settings {
  const entries = place.entries(Object.keys(rules), isParameterName)
  for (const [name, at] of entries) {
    if (Object.hasOwn(space, name)) at.fail('the space has it, too')
    if (name === 'epochs') at.fail('the epochs of a search stand beside "train", not in it')
  }
  return Object.fromEntries(entries.map(([name, at]) => [name, readValue(at, ruleOf(rules, name))]))
}

/** Refuses what does not go together. */
function checkStrategy(root: Place, strategy: SearchConfig['strategy'], space: Space): void {
  const only = (key: string, strategies: readonly string[]) => {
    if (root.has(key) && !strategies.includes(strategy))
      root.at(key).fail(`a search of strategy "${strategy}" has none; it is for ${strategies.join(' and ')}`)
  }
  only('trials', ['random', 'halving'])
  only('factor', ['halving'])
  only('minEpochs', ['halving'])
  if (!Object.hasOwn(space, 'epochs')) return
  const epochs = root.at('space').at('epochs')
  if (strategy === 'halving') epochs.fail('halving decides about the epochs itself')
  if (root.has('epochs')) epochs.fail('"epochs" stands beside the space, too')
}

/** The points of a grid must be known, and not too many. */
function checkGrid(place: Place, space: Space): void {
  let count = 1
  for (const [name, { points }] of Object.entries(space)) {
    if (!points) place.at(name).fail('a grid needs to know how many "points" of the range to take')
    else count *= points.length
    if (count > maxTrials) place.fail(`the grid has more than ${maxTrials} points`)
  }
}
