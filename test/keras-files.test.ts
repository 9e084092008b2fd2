import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseNpy } from '../src/data/npy.js'
import { loadKeras, type Model, modelFromJSON, type Tensor } from '../src/index.js'

const folder = join(process.env.LANEWISE_DATA ?? resolve('..', 'shared', 'data'), 'keras-files')
const cases = existsSync(folder) ? readdirSync(folder).sort() : []
if (cases.length === 0) console.log(`skipped: there are no Keras files in ${folder}`)

const read = (...path: string[]) => new Uint8Array(readFileSync(join(folder, ...path)))
const array = (...path: string[]) => parseNpy(read(...path), path.join('/'))

const largestDifference = (a: Tensor, b: Tensor): number => {
  assert.equal(a.dims, b.dims)
  const expected = b.toNumbers()
  return Math.max(...a.toNumbers().map((value, i) => Math.abs(value - expected[i])))
}

async function predicts(model: Model, name: string): Promise<void> {
  const difference = largestDifference(await model.predict(array(name, 'input.npy')), array(name, 'output.npy'))
  assert.ok(difference <= 1e-5, `${name}: predictions differ by ${difference}`)
}

for (const name of cases) {
  test(`${name}: model.keras predicts as in Keras and comes compiled`, async () => {
    const model = await loadKeras(join(folder, name, 'model.keras'))
    await predicts(model, name)
    assert.ok(model.optimizer.iterations > 0)
    model.dispose()
  })

  test(`${name}: model.h5 predicts as in Keras, with the same optimizer state as model.keras`, async () => {
    const old = await loadKeras(read(name, 'model.h5'))
    await predicts(old, name)
    const model = await loadKeras(read(name, 'model.keras'))
    const [a, b] = [await old.trainingState(), await model.trainingState()]
    assert.is(a.iterations, b.iterations)
    assert.is(a.learningRate, b.learningRate)
    const slots = (state: typeof a) =>
      state.slots.flatMap((slot) => Object.entries(slot).map(([key, tensor]) => [key, tensor.toNumbers()]))
    assert.equal(slots(a), slots(b))
    assert.ok(slots(a).length >= 2 * model.weights.length)
    old.dispose()
    model.dispose()
  })

  test(`${name}: model.weights.h5, and the weights in the other files, go into a model from its JSON`, async () => {
    const { ...json } = (await loadKeras(read(name, 'model.keras'), { compile: false })).toJSON()
    for (const file of ['model.weights.h5', 'model.keras', 'model.h5']) {
      const model = modelFromJSON(json)
      await model.loadWeights(read(name, file))
      await predicts(model, name)
      model.dispose()
    }
  })
}

test.run()
