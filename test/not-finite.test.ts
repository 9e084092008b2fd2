import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import {
  type Batch,
  type LossFunction,
  layers,
  type Model,
  optimizers,
  sequential,
  setRandomSeed,
} from '../src/keras/index.js'

console.warn = () => {}

const samples = 40
const features = Float32Array.from({ length: samples * 3 }, (_, i) => Math.sin(i))
const x = new Tensor('float32', features, [samples, 3])
const y = new Tensor(
  'float32',
  Float32Array.from({ length: samples }, (_, i) => i % 2),
  [samples, 1],
)

/** The logarithm of what training drives below 0. */
const logarithm: LossFunction = (_, yPred, k) => k.mean(k.log(yPred), [-1])

function network(loss: LossFunction | string, learningRate: number): Model {
  setRandomSeed(4)
  const net = sequential([
    layers.dense({ units: 4, activation: 'sigmoid', inputShape: [3] }),
    layers.dense({ units: 1, kernelInitializer: 'ones', name: 'head' }),
  ])
  net.compile({ optimizer: optimizers.sgd({ learningRate }), loss })
  return net
}

const batches: AsyncIterable<Batch> = {
  async *[Symbol.asyncIterator]() {
    for (let from = 0; from < samples; from += 4)
      yield [
        new Tensor('float32', features.slice(from * 3, (from + 4) * 3), [4, 3]),
        new Tensor('float32', (y.data as Float32Array).slice(from, from + 4), [4, 1]),
      ] as const
  },
}

const found = (net: Model) => net.notes.find((note) => note.startsWith('the loss is not finite')) ?? 'nothing found'

/** The number of the first step whose loss is NaN, by single steps. */
async function firstBadStep(): Promise<number> {
  const net = network(logarithm, 0.2)
  let step = 0
  for await (const batch of {
    [Symbol.asyncIterator]: async function* () {
      for (;;) yield* batches
    },
  }) {
    const [bx, by] = batch as readonly [Tensor, Tensor]
    const { loss } = await net.trainOnBatch(bx, by)
    if (!Number.isFinite(loss)) break
    step++
  }
  net.dispose()
  return step
}

for (const [name, fit] of [
  ['arrays', (net: Model) => net.fit(x, y, { epochs: 6, batchSize: 4, shuffle: false, verbose: 0 })],
  ['a dataset', (net: Model) => net.fit(batches, undefined, { epochs: 6, verbose: 0 })],
] as const)
  test(`the node that first gives a number that is not finite is named: ${name}`, async () => {
    const step = await firstBadStep()
    assert.ok(step > 2 && step < 60, `step ${step}`)
    const net = network(logarithm, 0.2)
    const { history } = await fit(net)
    assert.not(Number.isFinite(history.loss.at(-1)))
    assert.match(
      found(net),
      new RegExp(
        `^the loss is not finite from step ${step} on: Log 'head_loss/.*' made NaN numbers first, of '.*' \\(-`,
      ),
    )
    net.dispose()
  })

test('the explanation leaves training as it was', async () => {
  const losses = []
  for (const epochs of [1, 6]) {
    const net = network(logarithm, 0.2)
    losses.push((await net.fit(x, y, { epochs, batchSize: 4, shuffle: false, verbose: 0 })).history.loss)
    net.dispose()
  }
  assert.equal(losses[1].slice(0, 1), losses[0])
})

test('data that is not finite is named', async () => {
  const net = network('meanSquaredError', 0.1)
  const spoilt = features.slice()
  spoilt[70] = Number.NaN
  await net.fit(new Tensor('float32', spoilt, [samples, 3]), y, { batchSize: 4, shuffle: false, verbose: 0 })
  assert.match(found(net), /from step 5 on: the variable 'data\/x0' held NaN numbers before the step/)
  net.dispose()
})

test('weights that are not finite are named', async () => {
  const net = network('meanSquaredError', 0.1)
  const weights = net.getWeights()
  ;(weights[2].data as Float32Array)[1] = Number.POSITIVE_INFINITY
  net.setWeights(weights)
  await net.fit(x, y, { batchSize: 4, shuffle: false, verbose: 0 })
  assert.match(found(net), /from step 0 on: .*'head\/kernel'.* infinite/)
  net.dispose()
})

test.run()
