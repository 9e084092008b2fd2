import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import {
  type Batch,
  type BatchSource,
  type CallContext,
  Layer,
  layers,
  type Model,
  optimizers,
  sequential,
  setRandomSeed,
} from '../src/keras/index.js'

const samples = 18
const waves = (size: number, factor: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(factor * i + 1))
const x = new Tensor('float32', waves(samples * 3, 1.3), [samples, 3])
const y = new Tensor(
  'float32',
  Float32Array.from({ length: samples }, (_, i) => (i % 3 === 0 ? 1 : 0)),
  [samples, 1],
)
const rows = (tensor: Tensor, from: number, to: number) => {
  const size = tensor.size / tensor.dims[0]
  const data = (tensor.data as Float32Array).slice(from * size, to * size)
  return new Tensor('float32', data, [to - from, ...tensor.dims.slice(1)])
}
const batchSize = 4
/** Batch `i` of the samples in their order: four of 4, and one of 2. */
const batch = (i: number) => {
  const to = Math.min((i + 1) * batchSize, samples)
  return [rows(x, i * batchSize, to), rows(y, i * batchSize, to)] as const
}

function network(): Model {
  setRandomSeed(5)
  const net = sequential([
    layers.dense({ units: 6, activation: 'tanh', inputShape: [3] }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ])
  net.compile({ optimizer: optimizers.adam({ learningRate: 0.02 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  net.getWeights()
  return net
}

const weightsOf = async (net: Model) => (await net.weightContents()).map((weight) => [...(weight.data as Float32Array)])
const near = (a: number, b: number, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

/** The weights after steps for these batches, one by one. */
async function stepped(order: readonly number[]): Promise<number[][]> {
  const net = network()
  for (const i of order) await net.trainOnBatch(...batch(i))
  const weights = await weightsOf(net)
  net.dispose()
  return weights
}

function datasetOf(order: readonly number[], size?: number): BatchSource & { opened: number } {
  return {
    opened: 0,
    size,
    async *[Symbol.asyncIterator]() {
      this.opened++
      for (const i of order) yield batch(i)
    },
  }
}

const quiet = { verbose: 0, shuffle: false, batchSize } as const

test('fits one after the other, on data of one size and of others, give what the same steps give', async () => {
  const net = network()
  const fit = async (from: number, to: number) => {
    await net.fit(rows(x, from, to), rows(y, from, to), { batchSize, shuffle: false, verbose: 0 })
    return net.evaluate(rows(x, 0, to - from), rows(y, 0, to - from), { batchSize, verbose: 0 })
  }
  await fit(0, 8)
  await fit(8, 16)
  const { loss } = await fit(0, 4)
  const expected = network()
  for (const i of [0, 1, 2, 3, 0]) await expected.trainOnBatch(...batch(i))
  assert.equal(await weightsOf(net), await weightsOf(expected))
  assert.is(loss, (await expected.testOnBatch(...batch(0)))['loss'])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0.5 }), loss: 'meanSquaredError' })
  await fit(8, 16)
  expected.compile({ optimizer: optimizers.sgd({ learningRate: 0.5 }), loss: 'meanSquaredError' })
  for (const i of [2, 3]) await expected.trainOnBatch(...batch(i))
  assert.equal(await weightsOf(net), await weightsOf(expected))
  net.dispose()
  expected.dispose()
})

test('stepsPerEpoch: each epoch goes on where the last stopped, and ends where the data do', async () => {
  const expected = await stepped([0, 1, 2, 3, 4, 0, 1])
  for (const data of ['arrays', 'dataset', 'dataset of known size'] as const) {
    const net = network()
    const lengths: number[] = []
    const count = {
      onEpochBegin: () => void lengths.push(0),
      onTrainBatchEnd: () => void lengths[lengths.length - 1]++,
    }
    const options = { ...quiet, epochs: 4, stepsPerEpoch: 2, callbacks: [count] }
    const warnings: string[] = []
    const { warn } = console
    console.warn = (text: string) => void warnings.push(text)
    try {
      if (data === 'arrays') await net.fit(x, y, options)
      else await net.fit(datasetOf([0, 1, 2, 3, 4], data === 'dataset' ? undefined : 5), null, options)
    } finally {
      console.warn = warn
    }
    assert.equal(lengths, [2, 2, 1, 2], data)
    assert.equal(await weightsOf(net), expected, data)
    assert.is(warnings.length, data === 'dataset' ? 1 : 0, data)
    net.dispose()
  }
})

test('stepsPerEpoch with shuffling takes each sample once before any comes again', async () => {
  const net = network()
  const whole = network()
  await net.fit(x, y, { epochs: 5, stepsPerEpoch: 1, batchSize, verbose: 0 })
  await whole.fit(x, y, { epochs: 1, batchSize, verbose: 0 })
  assert.equal(await weightsOf(net), await weightsOf(whole))
  net.dispose()
  whole.dispose()
})

test('batches without end are taken stepsPerEpoch at a time', async () => {
  const net = network()
  let produced = 0
  let closed = false
  async function* endless(): AsyncGenerator<Batch> {
    try {
      for (;;) yield batch(produced++ % 4)
    } finally {
      closed = true
    }
  }
  await net.fit(endless(), null, { ...quiet, epochs: 3, stepsPerEpoch: 3 })
  assert.is(produced, 9)
  assert.ok(closed)
  assert.equal(await weightsOf(net), await stepped([0, 1, 2, 3, 0, 1, 2, 3, 0]))
  net.dispose()
})

test('a training with stepsPerEpoch goes on within an epoch to the same bits', async () => {
  const sources = {
    arrays: [x, y, { batchSize, verbose: 0 }],
    dataset: [datasetOf([3, 1, 0, 2, 4], 5), null, { verbose: 0 }],
    'dataset of unknown size': [datasetOf([3, 1, 0, 2, 4, 1, 2, 3, 0, 1, 2, 3]), null, { verbose: 0 }],
  } as const
  for (const [name, [data, targets, extra]] of Object.entries(sources)) {
    const options = { ...extra, epochs: 4, stepsPerEpoch: 3 }
    const whole = network()
    await whole.fit(data, targets, options)
    const first = network()
    let taken: Promise<[readonly Tensor[], Awaited<ReturnType<Model['trainingState']>>]> | undefined
    let steps = 0
    const take = {
      onTrainBatchEnd: async () => {
        if (++steps === 5) taken = Promise.all([first.weightContents(), first.trainingState()])
        await taken
      },
    }
    await first.fit(data, targets, { ...options, callbacks: [take] })
    const [weights, state] = await taken!
    const second = network()
    second.setWeights(weights)
    await second.setTrainingState(state)
    const { epoch, batch } = state.position
    await second.fit(data, targets, { ...options, initialEpoch: epoch, initialBatch: batch })
    assert.equal(await weightsOf(second), await weightsOf(whole), name)
    for (const net of [whole, first, second]) net.dispose()
  }
})

test('validationSplit holds out the last samples, which classWeight leaves alone', async () => {
  const net = network()
  const { history } = await net.fit(x, y, { ...quiet, validationSplit: 0.25, classWeight: { 0: 0, 1: 5 } })
  const { loss, accuracy } = await net.evaluate(rows(x, 13, 18), rows(y, 13, 18), { verbose: 0 })
  near(history.val_loss[0], loss)
  near(history.val_accuracy[0], accuracy)
  net.dispose()
})

test('sampleWeight goes with its samples into the part that is held out', async () => {
  const net = network()
  const sampleWeight = new Tensor('float32', waves(samples, 0.4).map(Math.abs), [samples])
  const { history } = await net.fit(x, y, { ...quiet, validationSplit: 0.25, sampleWeight })
  const held = { sampleWeight: rows(sampleWeight, 13, 18), verbose: 0 } as const
  near(history.val_loss[0], (await net.evaluate(rows(x, 13, 18), rows(y, 13, 18), held)).loss)
  net.dispose()
})

test('classWeight is the weight of each sample by its class', async () => {
  const byClass = network()
  const bySample = network()
  const sampleWeight = new Tensor(
    'float32',
    Float32Array.from(y.data as Float32Array, (label) => (label ? 3 : 0.5)),
    [samples],
  )
  await byClass.fit(x, y, { ...quiet, epochs: 2, classWeight: { 0: 0.5, 1: 3 } })
  await bySample.fit(x, y, { ...quiet, epochs: 2, sampleWeight })
  assert.equal(await weightsOf(byClass), await weightsOf(bySample))
  byClass.dispose()
  bySample.dispose()
})

test('validationFreq and validationSteps: some epochs, the first batches each time', async () => {
  for (const validationData of [[x, y] as const, datasetOf([0, 1, 2, 3, 4])]) {
    const net = network()
    const expected: number[] = []
    const { history } = await net.fit(x, y, {
      ...quiet,
      epochs: 4,
      validationData,
      validationSteps: 2,
      validationFreq: 2,
      callbacks: [
        {
          onTestBegin: async () => {
            expected.push((await net.evaluate(rows(x, 0, 8), rows(y, 0, 8), { verbose: 0 })).loss)
          },
        },
      ],
    })
    assert.is(history.loss.length, 4)
    assert.is(history.val_loss.length, 2)
    history.val_loss.forEach((loss, i) => {
      near(loss, expected[i])
    })
    net.dispose()
  }
})

test('initialEpoch counts epochs on; evaluate and predict take steps, datasets, and give lists', async () => {
  const net = network()
  const { epoch } = await net.fit(x, y, { ...quiet, epochs: 5, initialEpoch: 3 })
  assert.equal(epoch, [3, 4])
  const logs = await net.evaluate(x, y, { batchSize, steps: 2, verbose: 0 })
  const listed = await net.evaluate(datasetOf([0, 1, 2, 3]), null, { steps: 2, verbose: 0, returnDict: false })
  assert.equal(Object.keys(logs), ['loss', 'accuracy'])
  near(listed[0], logs.loss)
  near(listed[1], logs.accuracy)
  const all = await net.predict(x)
  const some = await net.predict(datasetOf([0, 1, 2, 3, 4]), { steps: 3 })
  assert.equal(some.dims, [12, 1])
  ;(some.data as Float32Array).forEach((value, i) => {
    near(value, (all.data as Float32Array)[i])
  })
  const inputsAlone = await net.predict({ [Symbol.asyncIterator]: () => onlyInputs() } as unknown as BatchSource)
  assert.equal(inputsAlone.dims, [8, 1])
  for (const wrong of [{ stepsPerEpoch: 0 }, { validationSteps: 1.5 }, { epochs: -1 }])
    try {
      await net.fit(x, y, { ...quiet, ...wrong })
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /must be an integer/)
    }
  net.dispose()
})

async function* onlyInputs() {
  yield batch(0)[0]
  yield batch(1)[0]
}

test('a layer adds to the loss, in training and in evaluation', async () => {
  class Activity extends Layer {
    override readonly className = 'Activity'
    call([input]: readonly Value[], context: CallContext): Value[] {
      context.addLoss(context.emit.mul(context.emit.mean(context.emit.abs(input)), 0.5))
      return [input]
    }
  }
  const build = (withLoss: boolean) => {
    setRandomSeed(5)
    const net = sequential([
      layers.dense({ units: 6, activation: 'tanh', inputShape: [3] }),
      ...(withLoss ? [new Activity({})] : []),
      layers.dense({ units: 1, activation: 'sigmoid' }),
    ])
    net.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy' })
    net.getWeights()
    return net
  }
  const [plain, penalised] = [build(false), build(true)]
  const hidden = sequential([layers.dense({ units: 6, activation: 'tanh', inputShape: [3] })])
  hidden.setWeights(plain.getWeights().slice(0, 2))
  const activations = (await hidden.predict(x)).data as Float32Array
  const penalty = (0.5 * activations.reduce((sum, value) => sum + Math.abs(value), 0)) / activations.length
  const options = { batchSize: samples, verbose: 0 } as const
  const before = await plain.evaluate(x, y, options)
  near((await penalised.evaluate(x, y, options)).loss, before.loss + penalty)
  near((await penalised.trainOnBatch(x, y)).loss, before.loss + penalty)
  await plain.trainOnBatch(x, y)
  assert.not.equal(penalised.getWeights()[0].data, plain.getWeights()[0].data)
  for (const net of [plain, penalised, hidden]) net.dispose()
})

test('fit notes a categorical crossentropy over a single value', async () => {
  const net = sequential([layers.dense({ units: 1, activation: 'softmax', inputShape: [2], name: 'only' })])
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const said: string[] = []
  const { warn } = console
  console.warn = (text: string) => said.push(text)
  try {
    await net.fit([[1, 2]], [[1]], { verbose: 0 })
  } finally {
    console.warn = warn
  }
  assert.match(said.join(), /'only' has one value: categoricalCrossentropy needs one a class/)
  assert.ok(net.notes.some((note) => note.includes("'only' has one value")))
})

test.run()
