import { syncBuiltinESMExports } from 'node:module'
import worker_threads, { type Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../src/backend/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { configure, defaultBackend } from '../src/environment.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { type Callback, layers, type Model, optimizers, sequential, setRandomSeed } from '../src/keras/index.js'
import { randomTensor } from './support/products.js'
import { Thief } from './support/thief.js'

/** The worker threads that were started, newest last. */
const workers: Worker[] = []
const Original = worker_threads.Worker
worker_threads.Worker = class extends Original {
  constructor(...settings: ConstructorParameters<typeof Original>) {
    super(...settings)
    workers.push(this)
  }
}
syncBuiltinESMExports()

const warnings: string[] = []
console.warn = (text: string) => void warnings.push(text)

const settings = { threads: 2, workerTimeout: 500 }

/** A chain of products that takes two threads some tens of milliseconds. */
function products() {
  const builder = new GraphBuilder('products')
  const x = builder.input('x', 'float32', [256, 512])
  let y = x
  for (let i = 0; i < 12; i++) y = builder.op('lanewise.FusedMatMul', [y, builder.constant(randomTensor([512, 512]))])
  builder.output(y, 'y')
  return builder.build()
}

test('a thread that stops in the midst of a run is replaced, and the run gives the same bits', async () => {
  const graph = products()
  const x = randomTensor([256, 512]).data as Float32Array
  const backend = await createWasmBackend(settings)
  const executable = compile(graph, backend)
  executable.write('x', x)
  await executable.run()
  const expected = Buffer.from(((await executable.read('y')) as Float32Array).buffer)
  const thief = await Thief.of(backend)
  for (let loss = 1; loss <= 2; loss++) {
    thief.strike()
    await executable.run()
    assert.equal(Buffer.from(((await executable.read('y')) as Float32Array).buffer), expected)
    assert.is(backend.report.threads, 2)
    assert.match(backend.report.notes.join(), new RegExp(`stopped answering and was replaced \\(${loss} so far\\)`))
    assert.match(warnings.pop()!, /a worker thread stopped answering/)
  }
  await thief.stop()
  backend.dispose()
})

test('a run does not wait for a worker that ends before it has taken a tile', async () => {
  const backend = await createWasmBackend({ ...settings, workerTimeout: 60_000 })
  const executable = compile(products(), backend)
  executable.write('x', randomTensor([256, 512]).data as Float32Array)
  await executable.run()
  const expected = Buffer.from(((await executable.read('y')) as Float32Array).buffer)
  await workers.at(-1)!.terminate()
  await executable.run()
  assert.equal(Buffer.from(((await executable.read('y')) as Float32Array).buffer), expected)
  backend.dispose()
})

const running = async (backend: Backend) => {
  for (let i = 0; i < 200 && backend.report.threads < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20))
  return backend.report.threads
}

test('a worker that ends between two runs is replaced before the next', async () => {
  const backend = await createWasmBackend(settings)
  await workers.at(-1)!.terminate()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(await running(backend), 2)
  assert.match(backend.report.notes.join(), /1 so far/)
  const executable = compile(products(), backend)
  executable.write('x', randomTensor([256, 512]).data as Float32Array)
  await executable.run()
  assert.match(backend.report.notes.join(), /1 so far/, 'the run lost no thread')
  backend.dispose()
})

test('where threads end again and again, the calling thread goes on alone and says so', async () => {
  const backend = await createWasmBackend(settings)
  const executable = compile(products(), backend)
  executable.write('x', randomTensor([256, 512]).data as Float32Array)
  const thief = await Thief.of(backend)
  for (let loss = 1; loss <= 4; loss++) {
    await running(backend)
    thief.strike()
    await executable.run()
  }
  assert.is(backend.report.threads, 1)
  assert.match(backend.report.notes.join(), /again and again: one thread goes on/)
  await thief.stop()
  await executable.run()
  backend.dispose()
})

const samples = 320
const epochs = 3
const batchSize = 32
const random = new RandomGenerator(3)
const x = new Tensor(
  'float32',
  Float32Array.from({ length: samples * 784 }, () => random.uniform()),
  [samples, 28, 28, 1],
)
const y = new Tensor(
  'int32',
  Int32Array.from({ length: samples }, () => random.integer(3)),
  [samples],
)

function network(): Model {
  setRandomSeed(5)
  const net = sequential([
    layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
    layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
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

/** The weights' bits and the losses after a training that loses a thread at the given steps. */
async function train(lost: readonly number[]) {
  configure({ ...settings })
  const backend = await defaultBackend()
  await backend.ready()
  const thief = await Thief.of(backend)
  const net = network()
  let step = 0
  const seen: number[] = []
  const loss: Callback = {
    onBatchBegin(batch) {
      seen.push(batch)
      if (lost.includes(step++)) thief.strike()
    },
  }
  const { history } = await net.fit(x, y, { epochs, batchSize, verbose: 0, callbacks: [loss] })
  const bits = net
    .getWeights()
    .map((weight) => Buffer.from((weight.data as Float32Array).slice().buffer).toString('hex'))
  const { notes } = net
  await thief.stop()
  net.dispose()
  return { bits, losses: history['loss'], notes, seen }
}

test('a training that loses a thread ends with the same bits', async () => {
  const whole = await train([])
  assert.equal(whole.notes, [])
  const steps = (samples / batchSize) * epochs
  const broken = await train([0, 1 + random.integer(steps - 2), steps - 1])
  assert.equal(broken.bits, whole.bits)
  assert.equal(broken.losses, whole.losses)
  assert.equal(broken.seen, whole.seen)
  assert.ok(broken.notes.some((note) => /a worker thread was lost; training went on from step \d+ on/.test(note)))
})

test('a step outside of fit tells that its weights may be half-written', async () => {
  configure({ ...settings })
  const net = network()
  const backend = await defaultBackend()
  await backend.ready()
  const thief = await Thief.of(backend)
  await net.trainOnBatch(x, y)
  thief.strike()
  try {
    await net.trainOnBatch(x, y)
    assert.unreachable('the thread was not missed')
  } catch (error) {
    assert.instance(error, LanewiseError)
    assert.is((error as LanewiseError).code, 'WORKER_LOST')
    assert.match((error as Error).message, /half-written/)
  }
  await thief.stop()
  await net.trainOnBatch(x, y)
  net.dispose()
})

test.run()
