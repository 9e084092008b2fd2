import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model1 from '../models/model1.js'
import model2 from '../models/model2.js'
import model3 from '../models/model3.js'
import model4 from '../models/model4.js'
import model5 from '../models/model5.js'
import { courseNames, type Recipe } from '../src/cli/recipe.js'
import { toCategorical } from '../src/data/labels.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { InferenceSession, loadOnnx, setRandomSeed } from '../src/index.js'

const recipes: readonly Recipe[] = [model1, model2, model3, model4, model5]

test('the course networks are those that the command line knows', () => {
  assert.equal(
    recipes.map(({ name }) => name),
    [...courseNames],
  )
})

for (const recipe of recipes)
  test(`${recipe.name}: steps lower the loss, and what is exported predicts the same`, async () => {
    setRandomSeed(1)
    const net = recipe.model()
    net.compile(recipe.compile())
    const digits = syntheticDigits(16, 5)
    const x = digits.x.reshape([16, ...net.inputs[0].shape.slice(1).map(Number)])
    const y = toCategorical(digits.y, 10)
    // Without dropout, whose noise is larger than what a few steps gain.
    const lossOf = async () => (await net.testOnBatch(x, y))['loss']
    const before = await lossOf()
    for (let step = 0; step < 8; step++) await net.trainOnBatch(x, y)
    const after = await lossOf()
    assert.ok(after < before, `the loss went from ${before} to ${after}`)

    const bytes = net.toOnnx()
    const predicted = (await net.predict(x)).toNumbers()
    const session = await InferenceSession.create(bytes)
    const given = (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]].toNumbers()
    predicted.forEach((value, index) => {
      assert.ok(Math.abs(given[index] - value) < 1e-5, `element ${index}: ${given[index]}, ${value}`)
    })
    await session.release()
    const tuned = await loadOnnx(bytes)
    const sizeOfAll = (of: typeof net) => of.getWeights().reduce((sum, weight) => sum + weight.size, 0)
    assert.is(sizeOfAll(tuned), sizeOfAll(net))
    tuned.dispose()
    net.dispose()
  })

test.run()
