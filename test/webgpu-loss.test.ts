import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Gpu } from '../src/backend/webgpu/device.js'
import type { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { configure, defaultBackend } from '../src/environment.js'
import { type Callback, layers, type Model, optimizers, sequential, setRandomSeed } from '../src/keras/index.js'
import { openWebGpu } from './support/webgpu.js'

const gpu = await openWebGpu('the loss of devices')
gpu?.dispose()

const samples = 60
const epochs = 3
const random = new RandomGenerator(3)
const x = new Tensor(
  'float32',
  Float32Array.from({ length: samples * 36 }, () => random.uniform()),
  [samples, 6, 6, 1],
)
const y = new Tensor(
  'int32',
  Int32Array.from({ length: samples }, () => random.integer(3)),
  [samples],
)

function network(): Model {
  setRandomSeed(5)
  const net = sequential([
    layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 1] }),
    layers.flatten(),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 3, activation: 'softmax' }),
  ])
  net.compile({
    optimizer: optimizers.adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  })
  return net
}

async function destroyDevice(): Promise<void> {
  const backend = await defaultBackend()
  ;(backend as unknown as { gpu: Gpu }).gpu.device.destroy()
}

async function* batches() {
  for (let from = 0; from < samples; from += 10)
    yield [
      new Tensor('float32', (x.data as Float32Array).slice(from * 36, (from + 10) * 36), [10, 6, 6, 1]),
      new Tensor('int32', (y.data as Int32Array).slice(from, from + 10), [10]),
    ] as const
}

interface Outcome {
  readonly weights: readonly (readonly number[])[]
  readonly losses: readonly number[]
  readonly notes: readonly string[]
  readonly batchesSeen: readonly number[]
}

/** Trains with `callbacks`; by arrays, or by a dataset. */
async function train(callbacks: readonly Callback[], dataset: boolean): Promise<Outcome> {
  configure({ backend: 'webgpu' })
  const net = network()
  const batchesSeen: number[] = []
  const watch =
    callbacks.length > 0 ? [...callbacks, { onBatchEnd: (batch: number) => void batchesSeen.push(batch) }] : []
  const data = { [Symbol.asyncIterator]: batches }
  const options = { epochs, verbose: 0 as const, callbacks: watch }
  const history = dataset ? await net.fit(data, undefined, options) : await net.fit(x, y, { ...options, batchSize: 10 })
  const outcome = {
    weights: net.getWeights().map((weight) => weight.toNumbers()),
    losses: history.history['loss'],
    notes: net.notes,
    batchesSeen,
  }
  assert.ok(net.toOnnx().length > 0)
  net.dispose()
  return outcome
}

function assertSame(actual: Outcome, expected: Outcome): void {
  actual.weights.forEach((weight, i) => {
    weight.forEach((value, j) => {
      assert.ok(
        Math.abs(value - expected.weights[i][j]) <= 1e-5,
        `weight ${i} element ${j} is ${value}, without a loss ${expected.weights[i][j]}`,
      )
    })
  })
  actual.losses.forEach((loss, epoch) => {
    assert.ok(Math.abs(loss - expected.losses[epoch]) <= 1e-4, `loss of epoch ${epoch}`)
  })
}

const steps = (samples / 10) * epochs

/** Destroys the device at the end of the given steps of a training. */
const lossAt = (...lost: readonly number[]): Callback => {
  let step = 0
  return {
    async onBatchEnd() {
      if (lost.includes(step++)) await destroyDevice()
    },
  }
}

if (gpu) {
  const undisturbed = await train([], false)

  for (const dataset of [false, true])
    test(`a training goes on where a device was lost, ${dataset ? 'on a dataset' : 'on arrays'}`, async () => {
      // Batches come in another order: those of a dataset are not shuffled.
      const expected = dataset ? await train([], true) : undisturbed
      const lost = new RandomGenerator(Date.now()).integer(steps)
      const outcome = await train([lossAt(lost, steps - 1)], dataset)
      assertSame(outcome, expected)
      assert.ok(
        outcome.notes.some((note) => note.includes('device was lost')),
        `lost at step ${lost}, and no note`,
      )
      const once = Array.from({ length: epochs }, () => Array.from({ length: samples / 10 }, (_, batch) => batch))
      assert.equal(outcome.batchesSeen, once.flat())
    })

  for (const delay of [0, 20, 200])
    test(`a training that nothing watches goes on, too: ${delay} ms`, async () => {
      configure({ backend: 'webgpu' })
      await defaultBackend()
      const net = network()
      const training = net.fit(x, y, { epochs, batchSize: 10, verbose: 0 })
      setTimeout(destroyDevice, delay)
      await training
      const weights = net.getWeights().map((weight) => weight.toNumbers())
      assertSame({ ...undisturbed, weights }, undisturbed)
      net.dispose()
    })

  test('on wasm where the host gives no other device', async () => {
    const { globals } = (await import('webgpu')) as unknown as { globals: { GPU: { prototype: GPU } } }
    const { requestAdapter } = globals.GPU.prototype
    try {
      const refuse: Callback = {
        async onBatchEnd(batch) {
          if (batch === 2) globals.GPU.prototype.requestAdapter = async () => null
        },
      }
      const outcome = await train([refuse, lossAt(4)], false)
      assertSame(outcome, undisturbed)
      assert.ok(outcome.notes.some((note) => note.includes('on wasm')))
    } finally {
      globals.GPU.prototype.requestAdapter = requestAdapter
    }
  })

  test('where no state was kept, the loss is told', async () => {
    configure({ backend: 'webgpu' })
    const net = network()
    await net.trainOnBatch(x, y)
    await destroyDevice()
    try {
      await net.trainOnBatch(x, y)
      assert.unreachable('it went on without its weights')
    } catch (error) {
      assert.is((error as LanewiseError).code, 'DEVICE_LOST')
    }
    configure({ backend: 'wasm' })
  })
} else test('there is no adapter', () => {})

test.run()
