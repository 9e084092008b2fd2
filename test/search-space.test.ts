import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseConfig } from '../src/search/config.js'
import { rungsOf, strategyOf } from '../src/search/strategies.js'
import { base, parse, refused, rules } from './support/search.js'

const wrong: [string, object, RegExp][] = [
  ['an unknown key', { ...base, modle: 1 }, /^c\.json: 'modle' is not known here; there are: model, /],
  ['no model', { ...base, model: undefined }, /model: expected a text, got nothing/],
  [
    'an unknown strategy',
    { ...base, strategy: 'bayes' },
    /strategy: expected one of grid, random, halving, got "bayes"/,
  ],
  ['an empty space', { ...base, space: {} }, /space: there is nothing to search over/],
  ['an unknown option', { ...base, space: { rate: [1] } }, /space: 'rate' is not known here/],
  ['an empty list', { ...base, space: { seed: [] } }, /space\.seed: expected a list of at least 1 entry/],
  [
    'a choice out of range',
    { ...base, space: { batchSize: [8, 0.5] } },
    /space\.batchSize\[1\]: expected a whole number/,
  ],
  ['choices that repeat', { ...base, space: { batchSize: [8, 8] } }, /space\.batchSize: the choices repeat/],
  [
    'a range end out of range',
    { ...base, space: { learningRate: { uniform: [-1, 1] } } },
    /space\.learningRate\.uniform\[0\]: expected a number from 0 to 10, got -1/,
  ],
  ['a range upside down', { ...base, space: { learningRate: { uniform: [1, 1] } } }, /1 is not below .* 1/],
  ['log of nothing', { ...base, space: { learningRate: { logUniform: [0, 1] } } }, /logUniform\[0\]: .* above 0/],
  ['two ranges', { ...base, space: { learningRate: { uniform: [0, 1], integer: [0, 1] } } }, /learningRate: expected/],
  ['reals for integers', { ...base, space: { batchSize: { uniform: [1, 2] } } }, /use "integer"/],
  ['a range of texts', { ...base, space: { optimizer: { uniform: [1, 2] } } }, /optimizer.uniform: .* no numbers/],
  ['an option twice', { ...base, train: { optimizer: 'sgd' } }, /train\.optimizer: the space has it, too/],
  ['epochs in train', { ...base, train: { epochs: 3 } }, /train\.epochs: .* stand beside/],
  ['epochs twice', { ...base, space: { epochs: [1, 2] } }, /space\.epochs: .* beside the space, too/],
  ['epochs to halve', { ...base, strategy: 'halving', space: { epochs: [1, 2] } }, /halving decides about the epochs/],
  ['trials of a grid', { ...base, strategy: 'grid' }, /trials: .* random and halving/],
  ['a grid of reals', { ...base, strategy: 'grid', trials: undefined }, /learningRate: a grid needs .* "points"/],
  ['too few settings', { ...base, trials: 3, space: { optimizer: ['sgd', 'adam'] } }, /fewer than 3 different/],
  ['nothing to judge by', { ...base, train: { validationSplit: 0 } }, /train\.validationSplit: valAccuracy needs/],
]

test('a configuration that is wrong is refused with the place in its file', async () => {
  for (const [name, config, message] of wrong)
    await refused(() => strategyOf(parse(JSON.parse(JSON.stringify(config)))), 'INVALID_ARGUMENT', message).catch(
      (error) => {
        throw new Error(`${name}: ${(error as Error).message}`)
      },
    )
  await refused(() => parseConfig('{', 'c.json', rules), 'INVALID_ARGUMENT', /^c\.json is not JSON: /)
})

test('a grid takes every combination once; ranges are cut evenly', () => {
  const config = parse({
    ...base,
    strategy: 'grid',
    trials: undefined,
    space: {
      learningRate: { logUniform: [0.001, 0.1], points: 3 },
      seed: { integer: [3, 5] },
      synthetic: [true, false],
    },
  })
  const { trials } = strategyOf(config)
  assert.is(trials.length, 18)
  assert.is(new Set(trials.map((settings) => JSON.stringify(settings))).size, 18)
  assert.equal(trials[0], { learningRate: 0.001, seed: 3, synthetic: true })
  assert.equal([...new Set(trials.map(({ learningRate }) => learningRate))], [0.001, 0.01, 0.1])
})

test('random: the same seed gives the same trials, another one others; the first n of more trials; within the ranges', () => {
  const config = parse({ ...base, trials: 400 })
  const { trials } = strategyOf(config)
  assert.equal(strategyOf(parse({ ...base, trials: 400 })).trials, trials)
  assert.equal(strategyOf(parse({ ...base, trials: 7 })).trials, trials.slice(0, 7))
  assert.not.equal(strategyOf(parse({ ...base, trials: 400, seed: 1 })).trials, trials)
  const rates = trials.map(({ learningRate }) => learningRate as number)
  assert.ok(rates.every((rate) => rate >= 1e-4 && rate <= 1))
  // Even in the logarithm: a quarter in each decade.
  for (let decade = -4; decade < 0; decade++) {
    const count = rates.filter((rate) => Math.floor(Math.log10(rate)) === decade).length
    assert.ok(count > 70 && count < 130, `${count} in decade ${decade}`)
  }
  const sizes = new Set(trials.map(({ batchSize }) => batchSize))
  assert.ok(sizes.has(1) && sizes.has(64) && sizes.size > 55)
})

test('halving: rungs', () => {
  const rungs = (trials: number, epochs: number, factor = 3, minEpochs = 1) =>
    rungsOf({ epochs, factor, minEpochs }, trials).map(({ epochs: reach, count }) => [reach, count])
  assert.equal(rungs(9, 9), [
    [1, 9],
    [3, 3],
    [9, 1],
  ])
  assert.equal(rungs(27, 9), [
    [1, 27],
    [3, 9],
    [9, 3],
  ])
  assert.equal(rungs(10, 10, 2, 2), [
    [2, 10],
    [4, 5],
    [8, 2],
    [10, 1],
  ])
  assert.equal(rungs(5, 100), [
    [1, 5],
    [100, 1],
  ])
  assert.equal(rungs(1, 7), [[7, 1]])
  assert.equal(rungs(4, 1), [[1, 4]])
})

test.run()
