import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../src/core/ir.js'
import {
  type CallContext,
  InferenceSession,
  Layer,
  layers,
  loadLayers,
  modelFromJSON,
  sequential,
  Tensor,
} from '../src/index.js'
import { isLoaded } from '../src/ops/index.js'

const rare = await loadLayers()
const images = new Tensor(
  'float32',
  Array.from({ length: 4 * 8 * 8 * 3 }, (_, i) => (i * 37) % 256),
  [4, 8, 8, 3],
)
const targets = new Tensor('float32', [1, 0, 0, 1, 1, 0, 0, 1], [4, 2])

class Powers extends Layer {
  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.mul(x, emit.exp(emit.constant(new Tensor('float32', [0, 1], [2]))))
  }
}

test('constants that nothing can compute yet stay nodes of an export', async () => {
  const net = sequential([layers.dense({ units: 2, kernelInitializer: 'ones', inputShape: [1] }), new Powers()])
  const early = net.toOnnx()
  const whole = await net.exportOnnx()
  assert.ok(early.length !== whole.length)
  for (const bytes of [early, whole]) {
    const session = await InferenceSession.create(bytes)
    const results = await session.run({ [session.inputNames[0]]: new Tensor('float32', [1], [1, 1]) })
    assert.equal(Array.from(results[session.outputNames[0]].data as Float32Array), [1, Math.fround(Math.E)])
    await session.release()
  }
  net.dispose()
})

test('clahe writes ops of a pack that is not there: a model is exported, and predicts once it has come', async () => {
  const net = sequential([
    rare.contrastLimitedAdaptiveHistogramEqualization({ tileGridSize: [2, 2], inputShape: [8, 8, 3] }),
  ])
  assert.ok(net.toOnnx().length > 0)
  assert.not.ok(isLoaded('ScatterElements'))
  assert.equal((await net.predict(images)).dims, images.dims)
  assert.ok(isLoaded('ScatterElements'))
  net.dispose()
})

test('rarer operations bring their packs', async () => {
  const tan = {
    module: 'keras.src.ops.numpy',
    class_name: 'Tan',
    config: { name: 'tan' },
    registered_name: 'Tan',
    name: 'tan',
    inbound_nodes: [
      {
        args: [
          {
            class_name: '__keras_tensor__',
            config: { shape: [null, 2], dtype: 'float32', keras_history: ['x', 0, 0] },
          },
        ],
        kwargs: {},
      },
    ],
  }
  const x = {
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: [null, 2], dtype: 'float32', name: 'x' },
    registered_name: null,
    name: 'x',
    inbound_nodes: [],
  }
  const net = modelFromJSON({
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config: { name: 'net', layers: [x, tan], input_layers: ['x', 0, 0], output_layers: ['tan', 0, 0] },
    registered_name: 'Functional',
  })
  assert.not.ok(isLoaded('Tan'))
  const y = ((await net.predict(new Tensor('float32', [0, 1], [1, 2]))) as Tensor).toNumbers().map(Number)
  assert.ok(Math.abs(y[0]) < 1e-6 && Math.abs(y[1] - Math.tan(1)) < 1e-6)
  net.dispose()
})

test('a network trains behind every rarer change of images at once', async () => {
  const net = sequential([
    rare.randAugment({ inputShape: [8, 8, 3] }),
    rare.augMix({ numChains: 2, chainDepth: 1 }),
    rare.randomPerspective(),
    rare.randomElasticTransform(),
    rare.mixUp(),
    rare.cutMix(),
    layers.rescaling({ scale: 1 / 255 }),
    layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }),
    layers.globalAveragePooling2d(),
    layers.dense({ units: 2, activation: 'softmax' }),
  ])
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const before = net.getWeights().map((weight) => weight.toNumbers())
  const { history } = await net.fit(images, targets, { epochs: 2, batchSize: 3, verbose: 0 })
  assert.ok(history['loss'].every(Number.isFinite))
  net.getWeights().forEach((weight, i) => {
    assert.not.equal(weight.toNumbers(), before[i], net.weights[i].name)
  })
  net.dispose()
})

test.run()
