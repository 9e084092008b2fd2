import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator, uniforms } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { input, LanewiseError, type Layer, layers, loadLayers, model, modelFromJSON, sequential } from '../src/index.js'
import { around, far, inSteps, inTraining, predictions, survivesJson, values } from './support/layers.js'

const rare = await loadLayers()
const random = new RandomGenerator(5)
const range = (length: number): number[] => Array.from({ length }, (_, i) => i)
const noise = (...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform()),
    dims,
  )
const batch = 6
const images = noise(batch, 9, 12, 2)
const size = 9 * 12 * 2
const imageOf = (list: readonly number[], n: number) => list.slice(n * size, (n + 1) * size)

/** The order that the `stream`-th draw of a layer of seed 9 gives: largest numbers first. */
const orderOf = (stream: number, step: number) => {
  const numbers = uniforms(batch, 9, stream, step)
  return range(batch).sort((a, b) => numbers[b] - numbers[a])
}

test('mixUp: each image has its own share of one other image', async () => {
  const steps = range(6)
  const mixed = await inSteps(rare.mixUp({ alpha: 0.8, seed: 9 }), images, steps)
  const shares: number[] = []
  for (const step of steps)
    orderOf(0, step).forEach((partner, n) => {
      const [x, y, z] = [imageOf(values(images), n), imageOf(values(images), partner), imageOf(values(mixed[step]), n)]
      if (partner === n) assert.ok(far(z, x) < 1e-5)
      else {
        const kept = (z[0] - y[0]) / (x[0] - y[0])
        shares.push(kept)
        const expected = x.map((value, i) => kept * value + (1 - kept) * y[i])
        assert.ok(far(z, expected) < 1e-3)
      }
    })
  assert.ok(shares.every((share) => share > -1e-4 && share < 1 + 1e-4))
  assert.ok(new Set(shares).size > 20 && Math.min(...shares) < 0.2 && Math.max(...shares) > 0.8)
})

test('cutMix: each image has a rectangle of one other image at its place', async () => {
  const steps = range(6)
  const mixed = await inSteps(rare.cutMix({ factor: [1, 1], seed: 9 }), images, steps)
  let rectangles = 0
  // Before it: the parameter, four draws for each of two gamma numbers, and two for the place.
  for (const step of steps)
    orderOf(11, step).forEach((partner, n) => {
      const [x, y, z] = [imageOf(values(images), n), imageOf(values(images), partner), imageOf(values(mixed[step]), n)]
      const taken = range(9 * 12).filter((at) => z[2 * at] !== x[2 * at])
      if (taken.length === 0) return
      const [rows, columns] = [taken.map((at) => Math.floor(at / 12)), taken.map((at) => at % 12)]
      const side = (list: readonly number[]) => Math.max(...list) - Math.min(...list) + 1
      assert.is(taken.length, side(rows) * side(columns))
      // The same share of both sides, to a pixel.
      assert.ok(Math.abs(side(rows) / 9 - side(columns) / 12) <= 1 / 9 + 1 / 12)
      for (const at of range(9 * 12))
        for (const c of [0, 1]) assert.is(z[2 * at + c], (taken.includes(at) ? y : x)[2 * at + c])
      rectangles++
    })
  assert.ok(rectangles > 15, String(rectangles))
})

const one = (n: number, classes: number) => range(classes).map((i) => (i === n ? 1 : 0))
const classes = batch
const targets = new Tensor(
  'float32',
  range(batch).flatMap((n) => one(n, classes)),
  [batch, classes],
)
/** Image n has channel n alone, all over. */
const plain = (side: number) =>
  new Tensor(
    'float32',
    range(batch).flatMap((n) => range(side * side).flatMap(() => one(n, classes))),
    [batch, side, side, classes],
  )

/** A model whose output is how much of each channel its input has. */
function shares(layer: Layer, side: number) {
  const net = sequential([
    layers.rescaling({ scale: 1, inputShape: [side, side, classes] }),
    layer,
    layers.globalAveragePooling2d(),
    layers.dense({ units: classes, kernelInitializer: 'identity', useBias: false, trainable: false }),
    layers.dense({ units: classes, kernelInitializer: 'identity', useBias: false }),
  ])
  net.compile({
    optimizer: { module: 'keras.optimizers', class_name: 'SGD', config: { learning_rate: 0 } },
    loss: 'mse',
  })
  return net
}

const mixers: Readonly<Record<string, readonly [(options?: object) => Layer, number, number]>> = {
  mixUp: [(options) => rare.mixUp(options), 2, 1e-9],
  // A rectangle is off by up to a pixel along each side.
  cutMix: [(options) => rare.cutMix(options), 64, 1e-3],
}

for (const [name, [make, side, bound]] of Object.entries(mixers)) {
  test(`${name}: targets are mixed as images are, while training`, async () => {
    const net = shares(make({ mixTargets: true, ...(name === 'mixUp' && { alpha: 1 }) }), side)
    const x = plain(side)
    for (const _ of range(4)) assert.ok((await net.trainOnBatch(x, targets)).loss < bound)
    assert.ok((await net.testOnBatch(x, targets)).loss < 1e-9)
    const still = new Tensor(
      'float32',
      range(batch).flatMap(() => one(0, classes)),
      [batch, classes],
    )
    assert.ok((await net.trainOnBatch(x, still)).loss > 0.01)
    net.dispose()
  })

  test(`${name}: images alone unless asked, as in Keras; labels beside them are mixed alike`, async () => {
    const net = shares(make(name === 'mixUp' ? { alpha: 1 } : {}), side)
    assert.ok((await net.trainOnBatch(plain(side), targets)).loss > 0.01)
    net.dispose()
    const [images, labels] = [input({ shape: [side, side, classes] }), input({ shape: [classes] })]
    const layer = make(name === 'mixUp' ? { alpha: 1 } : {})
    const [mixed, those] = layer.applyAll({ images, labels }, { training: true })
    const outputs = [layers.globalAveragePooling2d().apply(mixed), those]
    const joined = layers.subtract().apply(outputs)
    const both = model({ inputs: { images, labels }, outputs: layers.dense({ units: 1 }).apply(joined) })
    both.compile({ optimizer: 'sgd', loss: (_, y, k) => k.mean(k.square(y), [-1]) })
    const x = { images: plain(side), labels: targets }
    assert.ok((await both.trainOnBatch(x, Tensor.zeros('float32', [batch, 1]))).loss < bound * 10)
    const json = JSON.parse(JSON.stringify(both))
    const [call] = json.config.layers.find((item: { name: string }) => item.name === layer.name).inbound_nodes
    assert.equal(Object.keys(call.args[0]), ['images', 'labels'])
    assert.equal(JSON.parse(JSON.stringify(modelFromJSON(json))), json)
    assert.throws(
      () => layer.applyAll({ images, boxes: labels }),
      /takes images, or \{ images, labels \}; got images, boxes/,
    )
    both.dispose()
  })

  test(`${name}: nothing in inference; channels first; the same bits on any thread count`, async () => {
    const net = around(make(), [[9, 12, 2]])
    assert.equal(values((await predictions(net, [images]))[0]), values(images))
    await survivesJson(net, [images])
    net.dispose()
    const one = values(await inTraining(make(), images, 7))
    assert.equal(values(await inTraining(make(), images, 7, 2)), one)
    assert.not.equal(values(await inTraining(make(), images, 8)), one)
    const first = new Tensor('float32', images.data, [batch, 2, 9, 12])
    assert.equal((await inTraining(make({ dataFormat: 'channels_first' }), first)).dims, first.dims)
  })

  test(`${name}: class numbers and a trainStep of one's own are refused`, async () => {
    const net = shares(make({ mixTargets: true }), 2)
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' })
    const numbers = new Tensor('int32', range(batch), [batch])
    await fails(
      () => net.trainOnBatch(plain(2), numbers),
      /class numbers: one-hot targets go with categoricalCrossentropy/,
    )
    net.compile({ optimizer: 'sgd', loss: 'mse', trainStep: ({ x, call, loss }) => loss(call(...x)) })
    await fails(() => net.trainOnBatch(plain(2), targets), /mixes the samples of a batch and their targets/)
    net.dispose()
  })
}

async function fails(run: () => Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await run()
  } catch (error) {
    assert.ok(error instanceof LanewiseError && message.test(error.message), String(error))
    return
  }
  assert.unreachable()
}

test('options of mixUp and cutMix in Keras’s names', () => {
  assert.is(rare.mixUp().getConfig()['alpha'], 0.2)
  assert.equal(rare.cutMix({ factor: 0.5 }).getConfig()['factor'], [0, 0.5])
  assert.throws(() => rare.mixUp({ alpha: 0 }), /alpha must be a positive number/)
  assert.throws(() => rare.cutMix({ factor: 2 }), /factor must be/)
})

test.run()
