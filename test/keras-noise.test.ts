import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { type Layer, layers, optimizers, sequential } from '../src/keras/index.js'
import { around, far, inTraining, normals, predictions, survivesJson, values } from './support/layers.js'

const count = 40000
const ones = new Tensor('float32', new Float32Array(count).fill(1), [100, 20, 10, 2])

const meanOf = (all: readonly number[]) => all.reduce((a, b) => a + b, 0) / all.length
const varianceOf = (all: readonly number[]) => meanOf(all.map((value) => (value - meanOf(all)) ** 2))
/** Within five standard errors of a mean of `size` numbers of that deviation. */
const near = (actual: number, expected: number, deviation: number, size = count) =>
  assert.ok(Math.abs(actual - expected) < (5 * deviation) / Math.sqrt(size), `${actual}, expected ${expected}`)

test('dropout: a share of zeros, the others scaled up', async () => {
  const all = values(await inTraining(layers.dropout({ rate: 0.3 }), ones))
  assert.ok(all.every((value) => value === 0 || Math.abs(value - 1 / 0.7) < 1e-6))
  near(all.filter((value) => value === 0).length / count, 0.3, Math.sqrt(0.21))
})

test('dropout with a noise shape drops along its axes of 1 together', async () => {
  const all = values(await inTraining(layers.dropout({ rate: 0.5, noiseShape: [null, 1, 1, 2] }), ones))
  const maps = Array.from({ length: 200 }, (_, i) => all[Math.floor(i / 2) * 400 + (i % 2)])
  assert.equal(
    all,
    all.map((_, i) => maps[2 * Math.floor(i / 400) + (i % 2)]),
  )
  near(maps.filter((value) => value === 0).length / 200, 0.5, 0.5, 200)
})

const spatial: readonly (readonly [Layer, readonly number[]])[] = [
  [layers.spatialDropout1d({ rate: 0.5 }), [200, 20, 10]],
  [layers.spatialDropout2d({ rate: 0.5 }), [100, 5, 4, 20]],
  [layers.spatialDropout3d({ rate: 0.5 }), [100, 5, 2, 2, 20]],
]
for (const [layer, dims] of spatial)
  test(`${layer.className}: whole maps drop out`, async () => {
    const size = dims.reduce((a, b) => a * b, 1)
    const all = values(await inTraining(layer, new Tensor('float32', new Float32Array(size).fill(1), dims)))
    const [batch, channels] = [dims[0], dims.at(-1)!]
    const sample = size / batch
    const map = (n: number, c: number) => all[n * sample + c]
    assert.equal(
      all,
      all.map((_, i) => map(Math.floor(i / sample), i % channels)),
    )
    let dropped = 0
    for (let n = 0; n < batch; n++) for (let c = 0; c < channels; c++) dropped += map(n, c) === 0 ? 1 : 0
    near(dropped / (batch * channels), 0.5, 0.5, batch * channels)
  })

test('gaussianNoise adds normal numbers', async () => {
  const all = values(await inTraining(layers.gaussianNoise({ stddev: 2 }), ones)).map((value) => (value - 1) / 2)
  near(meanOf(all), 0, 1)
  near(varianceOf(all), 1, Math.SQRT2)
  // A normal distribution has the third moment 0 and the fourth 3.
  near(meanOf(all.map((value) => value ** 3)), 0, Math.sqrt(15))
  near(meanOf(all.map((value) => value ** 4)), 3, Math.sqrt(96))
})

test('gaussianDropout multiplies by normal numbers about 1', async () => {
  const all = values(await inTraining(layers.gaussianDropout({ rate: 0.2 }), ones))
  near(meanOf(all), 1, 0.5)
  near(varianceOf(all), 0.25, 0.25 * Math.SQRT2)
})

test('alphaDropout keeps the mean and the variance of normal numbers', async () => {
  const random = new RandomGenerator(77)
  const x = new Tensor(
    'float32',
    Float32Array.from({ length: count }, () => random.normal()),
    [count / 10, 10],
  )
  const rate = 0.3
  const all = values(await inTraining(layers.alphaDropout({ rate }), x))
  near(meanOf(all), 0, 1)
  near(varianceOf(all), 1, 2)
  // What drops out takes one value, a * alpha' + b in the terms of Klambauer et al.
  const low = -1.7580993408473766
  const a = ((1 - rate) * (1 + rate * low ** 2)) ** -0.5
  const dropped = all.filter((value) => Math.abs(value - (a * low - a * low * rate)) < 1e-5)
  near(dropped.length / count, rate, Math.sqrt(rate * (1 - rate)))
})

const noisy: Readonly<Record<string, () => Layer>> = {
  dropout: () => layers.dropout({ rate: 0.4 }),
  spatialDropout2d: () => layers.spatialDropout2d({ rate: 0.4 }),
  gaussianNoise: () => layers.gaussianNoise({ stddev: 0.5 }),
  gaussianDropout: () => layers.gaussianDropout({ rate: 0.4 }),
  alphaDropout: () => layers.alphaDropout({ rate: 0.4 }),
}
for (const [name, make] of Object.entries(noisy))
  test(`${name}: the identity in inference; the same bits on any thread count, others in another step`, async () => {
    const x = normals(16, 8, 8, 3)
    const net = around(make(), [[8, 8, 3]])
    assert.equal(values((await predictions(net, [x]))[0]), values(x))
    await survivesJson(net, [x])
    net.dispose()
    const one = values(await inTraining(make(), x, 3))
    assert.equal(values(await inTraining(make(), x, 3, 2)), one)
    assert.not.equal(values(await inTraining(make(), x, 4)), one)
  })

test('activityRegularization adds l1 and l2 of what passes, a sample', async () => {
  const x = normals(4, 3)
  const net = around(layers.activityRegularization({ l1: 0.1, l2: 0.2 }), [[3]])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const { loss } = await net.testOnBatch(x, x)
  const penalty = values(x).reduce((sum, value) => sum + 0.1 * Math.abs(value) + 0.2 * value ** 2, 0) / 4
  assert.ok(Math.abs(loss - penalty) < 1e-5, `${loss}, expected ${penalty}`)
  net.dispose()
})

/** The largest singular value of a matrix, by many steps of power iteration in float64. */
function largestSingular(matrix: readonly number[], rows: number, columns: number): number {
  let v = Array.from({ length: columns }, (_, i) => 1 + i / columns)
  let length = 0
  for (let step = 0; step < 500; step++) {
    const u = Array.from({ length: rows }, (_, r) =>
      v.reduce((sum, value, c) => sum + value * matrix[r * columns + c], 0),
    )
    const w = v.map((_, c) => u.reduce((sum, value, r) => sum + value * matrix[r * columns + c], 0))
    length = Math.hypot(...u)
    const norm = Math.hypot(...w)
    v = w.map((value) => value / norm)
  }
  return length
}

test('spectralNormalization brings the largest singular value of the kernel to 1', async () => {
  const dense = layers.dense({ units: 4, kernelInitializer: 'heNormal' })
  const net = sequential([layers.spectralNormalization({ layer: dense, powerIterations: 3, inputShape: [6] })])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse' })
  const kernel = () => values(net.getWeights().find(({ dims }) => dims[0] === 6)!)
  assert.ok(Math.abs(largestSingular(kernel(), 6, 4) - 1) > 0.01)
  for (let step = 0; step < 20; step++) await net.trainOnBatch(normals(3, 6), normals(3, 4))
  assert.ok(Math.abs(largestSingular(kernel(), 6, 4) - 1) < 1e-3)
  net.dispose()
})

test('embedding gathers rows, and its mask leaves steps out of a mean', async () => {
  const net = sequential([
    layers.embedding({ inputDim: 5, outputDim: 3, maskZero: true, batchInputShape: [null, 4] }),
    layers.globalAveragePooling1d(),
  ])
  const [table] = net.getWeights()
  const rows = (index: number) => values(table).slice(3 * index, 3 * index + 3)
  const y = await net.predict(new Tensor('int32', [3, 0, 1, 0, 2, 2, 4, 0], [2, 4]))
  const mean = (...indices: number[]) => [0, 1, 2].map((c) => meanOf(indices.map((index) => rows(index)[c])))
  assert.ok(far(values(y), [...mean(3, 1), ...mean(2, 2, 4)]) < 1e-6)
  net.dispose()
})

test.run()
