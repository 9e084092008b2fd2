import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { LanewiseError, layers as l, losses, type Model, metrics, sequential, Tensor } from '../src/index.js'

const random = new RandomGenerator(5)
const [samples, steps, width, classes] = [6, 4, 3, 5]
const draw = (dims: readonly number[], value: () => number): Tensor =>
  new Tensor('float32', Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, value), dims)
const normals = (...dims: number[]): Tensor => draw(dims, () => random.normal())

const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}, not ${expected}`,
  )

/** Some steps of every sample are 0 all over, and so masked. */
const masked = (() => {
  const x = normals(samples, steps, width)
  const kept = Array.from({ length: samples * steps }, (_, i) => (i % steps === 3 || i % 5 === 0 ? 0 : 1))
  kept.forEach((keep, i) => {
    if (!keep) (x.data as Float32Array).fill(0, i * width, (i + 1) * width)
  })
  return { x, kept }
})()
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const dot = (a: readonly number[], b: readonly number[]) => sum(a.map((value, i) => value * b[i]))

const stepWeights = draw([samples, steps], () => random.uniform())
const targets = normals(samples, steps, 2)
const labels = new Tensor(
  'int32',
  Int32Array.from({ length: samples * steps }, (_, i) => (i * 7) % classes),
  [samples, steps],
)

const regression = (...first: Parameters<typeof sequential>[0] & object): Model =>
  sequential([...first, l.dense({ units: 2, name: 'out' })])

/** The squared error of each step, from predictions of the model itself. */
async function squaredErrors(net: Model, x: Tensor): Promise<number[]> {
  const p = (await net.predict<Tensor>(x)).toNumbers()
  const t = targets.toNumbers()
  return Array.from(
    { length: samples * steps },
    (_, i) => ((p[2 * i] - t[2 * i]) ** 2 + (p[2 * i + 1] - t[2 * i + 1]) ** 2) / 2,
  )
}

test('a weight for each step of sequences: loss, weighted metrics and gradients', async () => {
  const x = normals(samples, steps, width)
  const net = regression(l.lstm({ units: 4, returnSequences: true, inputShape: [steps, width] }))
  net.compile({
    optimizer: 'sgd',
    loss: 'mse',
    metrics: ['mse'],
    weightedMetrics: [metrics.meanSquaredError({ name: 'w' })],
  })
  const errors = await squaredErrors(net, x)
  const weights = stepWeights.toNumbers()
  const logs = await net.testOnBatch(x, targets, { sampleWeight: stepWeights })
  near(logs.loss, dot(errors, weights) / errors.length, 'loss')
  near(logs.mse, sum(errors) / errors.length, 'mse')
  near(logs.w, dot(errors, weights) / sum(weights), 'weighted mse')
  const folded = stepWeights.reshape([samples, steps, 1])
  assert.equal(await net.testOnBatch(x, targets, { sampleWeight: folded }), logs)

  // Weights of 2 and 0 on the two halves of a batch are the gradient of the first half alone.
  const half = samples / 2
  const twice = Tensor.zeros('float32', [samples, steps])
  ;(twice.data as Float32Array).fill(2, 0, half * steps)
  const start = net.getWeights()
  await net.trainOnBatch(x, targets, { sampleWeight: twice })
  const whole = net.getWeights().flatMap((tensor) => tensor.toNumbers())
  net.setWeights(start)
  const rows = (tensor: Tensor) => {
    const size = tensor.size / samples
    return new Tensor('float32', (tensor.data as Float32Array).slice(0, half * size), [half, ...tensor.dims.slice(1)])
  }
  await net.trainOnBatch(rows(x), rows(targets))
  const alone = net.getWeights().flatMap((tensor) => tensor.toNumbers())
  whole.forEach((value, i) => {
    near(value, alone[i], `weight ${i}`)
  })

  const { history } = await net.fit(x, targets, {
    sampleWeight: stepWeights,
    epochs: 1,
    batchSize: 4,
    verbose: 0,
    shuffle: false,
  })
  assert.ok(Number.isFinite(history.loss[0]))
  net.dispose()
})

test('a weight for each class, at each step: class numbers and rows of probabilities', async () => {
  const x = normals(samples, steps, width)
  const net = sequential([l.dense({ units: classes, activation: 'softmax', inputShape: [steps, width] })])
  const classWeight = { 0: 0.25, 2: 3, 4: 0 }
  const weights = labels.toNumbers().map((label) => (classWeight as Record<number, number>)[label] ?? 1)
  const sampleWeight = new Tensor('float32', Float32Array.from(weights), [samples, steps])
  net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' })
  const bySample = await net.testOnBatch(x, labels, { sampleWeight })
  const unweighted = await net.testOnBatch(x, labels)
  assert.is.not(bySample.loss, unweighted.loss)
  const before = net.getWeights()
  assert.equal(await net.trainOnBatch(x, labels, { classWeight }), bySample)
  net.setWeights(before)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const rows = draw([samples, steps, classes], () => 0)
  labels.toNumbers().forEach((label, i) => {
    ;(rows.data as Float32Array)[i * classes + label] = 1
  })
  near((await net.trainOnBatch(x, rows, { classWeight })).loss, bySample.loss, 'one-hot')
  net.dispose()
})

for (const reduction of ['sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight'] as const)
  test(`a mask reaches the loss (${reduction}) and the means, with and without weights`, async () => {
    const { x, kept } = masked
    const net = regression(l.masking({ inputShape: [steps, width] }), l.gru({ units: 4, returnSequences: true }))
    const loss = losses.meanSquaredError({ reduction })
    net.compile({
      optimizer: 'sgd',
      loss,
      metrics: ['mse', metrics.rootMeanSquaredError({ name: 'root' })],
      weightedMetrics: [metrics.meanSquaredError({ name: 'w' })],
    })
    const errors = await squaredErrors(net, x)
    const valid = sum(kept)
    const plain = await net.testOnBatch(x, targets)
    near(plain.loss, dot(errors, kept) / (reduction === 'sum' ? 1 : valid), 'loss')
    near(plain.mse, dot(errors, kept) / valid, 'mse')
    near(plain.root, Math.sqrt(sum(errors) / errors.length), 'root, which Keras does not mask')
    const both = stepWeights.toNumbers().map((weight, i) => weight * kept[i])
    const weighted = await net.testOnBatch(x, targets, { sampleWeight: stepWeights })
    const divisor = { sum: 1, mean_with_sample_weight: sum(both), mean: valid, sum_over_batch_size: valid }[reduction]
    near(weighted.loss, dot(errors, both) / divisor, 'weighted loss')
    near(weighted.w, dot(errors, both) / sum(both), 'weighted mse')
    net.dispose()
  })

test('a mask ends at layers that do not pass it, as in Keras', async () => {
  const words = new Tensor(
    'int32',
    Int32Array.from({ length: samples * steps }, (_, i) => i % 3),
    [samples, steps],
  )
  const embedding = () => l.embedding({ inputDim: 3, outputDim: width, maskZero: true, batchInputShape: [null, steps] })
  const same = { filters: 3, kernelSize: 3, padding: 'same' } as const
  const ends = [
    () => l.conv1d(same),
    () => l.einsumDense({ equation: 'abc,cd->abd', outputShape: [null, 3] }),
    () => l.rmsNormalization(),
    () => l.reshape({ targetShape: [steps, width] }),
  ]
  const passes = [
    () => l.dropout({ rate: 0.5 }),
    () => l.spatialDropout1d({ rate: 0.5 }),
    () => l.layerNormalization(),
    () => l.timeDistributed({ layer: l.dense({ units: 3 }) }),
    () => l.activation({ activation: 'relu' }),
    () => l.rescaling({ scale: 2 }),
  ]
  const y = normals(samples, steps, 2)
  for (const [made, isMasked] of [
    ...ends.map((make) => [make, false] as const),
    ...passes.map((make) => [make, true] as const),
  ]) {
    const layer = made()
    const net = regression(embedding(), layer)
    net.compile({ optimizer: 'sgd', loss: 'mse' })
    const p = (await net.predict<Tensor>(words)).toNumbers()
    const t = y.toNumbers()
    const counted = p.map((value, i) => ({
      error: (value - t[i]) ** 2,
      keep: !isMasked || words.toNumbers()[i >> 1] !== 0,
    }))
    const kept = counted.filter(({ keep }) => keep).map(({ error }) => error)
    near((await net.testOnBatch(words, y)).loss, sum(kept) / kept.length, layer.className)
    net.dispose()
  }
})

test('the states of a masked layer have no mask', async () => {
  const net = sequential([l.masking({ inputShape: [steps, width] }), l.lstm({ units: 2, returnSequences: false })])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const { loss } = await net.testOnBatch(masked.x, normals(samples, 2))
  assert.ok(Number.isFinite(loss))
  net.dispose()
})

test('weights of another shape are refused', async () => {
  const net = regression(l.dense({ units: 2, inputShape: [steps, width] }))
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  for (const dims of [
    [samples, steps + 1],
    [samples, steps, 2, 1, 1],
    [samples, 1, steps],
  ])
    try {
      await net.testOnBatch(normals(samples, steps, width), targets, { sampleWeight: normals(...dims) })
      assert.unreachable()
    } catch (error) {
      assert.instance(error, LanewiseError)
      assert.match((error as Error).message, /sampleWeight has one number for each sample, or the first axes/)
    }
  net.dispose()
})

test.run()
