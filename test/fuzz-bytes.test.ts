import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { damage, runMutants, seedModels, setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const count = setting('LANEWISE_FUZZ_MUTANTS', 10_000)
const seed = setting('LANEWISE_FUZZ_SEED', 1)

test('damaged files run, or are refused with a LanewiseError', async () => {
  const models = seedModels(60_000)
  if (models.length === 0) return console.log('SKIP damaged files: the reference data is absent')
  const { failures, outcomes } = await runMutants(count, seed, models, damage)
  console.log(`${count} damaged files of seed ${seed}: ${[...outcomes].map(([name, n]) => `${n} ${name}`).join(', ')}`)
  assert.equal(failures, [])
})

test.run()
