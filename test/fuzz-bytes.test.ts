import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RandomGenerator } from '../src/core/random.js'
import { runMutants, seedModels, setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** Bytes flipped, set to extremes, cut out, doubled, or cut off at the end. */
function damage(bytes: Uint8Array, random: RandomGenerator): Uint8Array {
  let damaged = Uint8Array.from(bytes)
  for (let rounds = 1 + random.integer(2); rounds > 0; rounds--) {
    const at = random.integer(damaged.length)
    const length = 1 + random.integer(8)
    const kind = random.integer(12)
    if (kind < 5) damaged[at] ^= 1 << random.integer(8)
    else if (kind < 7) damaged[at] = random.integer(256)
    else if (kind < 9) damaged.fill([0, 1, 127, 255][random.integer(4)], at, at + length)
    else if (kind === 9) damaged = Uint8Array.from([...damaged.subarray(0, at), ...damaged.subarray(at + length)])
    else if (kind === 10) damaged = Uint8Array.from([...damaged.subarray(0, at + length), ...damaged.subarray(at)])
    else damaged = damaged.slice(0, Math.max(1, at))
    if (damaged.length === 0) return damaged
  }
  return damaged
}

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
