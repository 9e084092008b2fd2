import * as assert from 'uvu/assert'
import { LanewiseError } from '../../src/core/errors.js'
import { parseConfig } from '../../src/search/config.js'
import type { OptionRules } from '../../src/search/settings.js'

/** Options of a training, as `lanewise train` has them. */
export const rules: OptionRules = {
  optimizer: { kind: 'text' },
  synthetic: { kind: 'flag' },
  learningRate: { kind: 'number', low: 0, high: 10, whole: false },
  validationSplit: { kind: 'number', low: 0, high: 0.99, whole: false },
  batchSize: { kind: 'number', low: 1, high: 1000, whole: true },
  epochs: { kind: 'number', low: 1, high: 1000, whole: true },
  seed: { kind: 'number', low: 0, high: 1000, whole: true },
}

/** A search that is in order. */
export const base = {
  model: 'model1',
  strategy: 'random',
  trials: 12,
  epochs: 4,
  space: { optimizer: ['sgd', 'adam'], learningRate: { logUniform: [1e-4, 1] }, batchSize: { integer: [1, 64] } },
}
export const parse = (config: object) => parseConfig(JSON.stringify(config), 'c.json', rules)

/** Runs what must throw a LanewiseError with that code and message. */
export async function refused(work: () => unknown, code: string, message: RegExp): Promise<void> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, LanewiseError, `${error}`)
    assert.is((error as LanewiseError).code, code)
    assert.match((error as Error).message, message)
    return
  }
  assert.unreachable(`nothing was refused: ${message}`)
}
