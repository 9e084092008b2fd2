import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  input,
  LanewiseError,
  type Layer,
  layers,
  loadOperators,
  model,
  modelFromJSON,
  sequential,
  Tensor,
} from '../src/index.js'

const flipped = () =>
  sequential([layers.randomFlip({ inputShape: [4, 4, 1], seed: 1 }), layers.flatten(), layers.dense({ units: 2 })])
function around(layer: Layer) {
  const inputs = input({ shape: [2], dtype: 'string' })
  return model({ inputs, outputs: layer.apply(inputs) })
}

const images = Tensor.zeros('float32', [2, 4, 4, 1])

test('a model is made, summed up and serialised before what writes its nodes has come', () => {
  const net = flipped()
  assert.match(net.summary(null), /\(None, 4, 4, 1\)/)
  assert.equal(modelFromJSON(net.toJSON()).toJSON(), net.toJSON())
})

test('toOnnx before that is refused with the cures; exportOnnx does it', async () => {
  const net = flipped()
  let refusal: unknown
  try {
    net.toOnnx()
  } catch (error) {
    refusal = error
  }
  assert.instance(refusal, LanewiseError)
  assert.match((refusal as Error).message, /await loadLayers\(\).*exportOnnx\(\)/)
  assert.ok((await net.exportOnnx()).length > 100)
  assert.ok(net.toOnnx().length > 100)
})

test('lookups are made before their ops have come, which toOnnx names', async () => {
  const words = () => around(layers.stringLookup({ vocabulary: ['a', 'b'] }))
  assert.throws(() => words().toOnnx(), /await loadOperators\(\['ai.onnx.ml.LabelEncoder'\]\)/)
  assert.ok((await words().exportOnnx()).length > 100)
})

test('buckets of strings come with a prediction', async () => {
  const net = around(layers.hashing({ numBins: 3 }))
  const bins = await net.predict<Tensor>(new Tensor('string', ['a', 'b'], [1, 2]))
  assert.ok(bins.toNumbers().every((bin) => bin >= 0 && bin < 3))
})

test('what writes the nodes comes with a prediction, and with training', async () => {
  const net = sequential([layers.resizing({ height: 2, width: 3, inputShape: [4, 4, 1] })])
  const y = await net.predict<Tensor>(images)
  assert.equal(y.dims, [2, 2, 3, 1])
  const trained = flipped()
  trained.compile({ optimizer: 'sgd', loss: 'mse' })
  const { loss } = await trained.trainOnBatch(images, Tensor.zeros('float32', [2, 2]))
  assert.ok(Number.isFinite(loss))
})

test('the types that layers give are those of the nodes that they write', async () => {
  const { allLayers, applied, examples, makeLayer } = await import('./support/every-layer.js')
  await loadOperators()
  assert.ok(Object.keys(allLayers).length > 0)
  let compared = 0
  for (const name of Object.keys(examples))
    for (const batch of [null, 3]) {
      const { entries, output } = applied(name, makeLayer(name), batch)
      const [written] = model({ inputs: entries, outputs: output }).inferenceGraph().outputs
      assert.is(written.dtype, output.dtype, name)
      assert.equal(
        written.shape.map((dim) => (typeof dim === 'number' ? dim : null)),
        output.shape,
        name,
      )
      compared++
    }
  assert.ok(compared > 150)
})

test.run()
