import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { fromGenerator } from '../src/data/sources.js'
import {
  type Callback,
  callbacks,
  input,
  layers,
  losses,
  model,
  modelFromJSON,
  optimizers,
  sequential,
  setRandomSeed,
} from '../src/keras/index.js'
import { rowsOf } from '../src/keras/training/data.js'
import { InferenceSession } from '../src/session.js'

const random = new RandomGenerator(7)
const normals = (...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
    dims,
  )
const oneHot = (labels: readonly number[], classes: number) =>
  new Tensor(
    'float32',
    labels.flatMap((label) => Array.from({ length: classes }, (_, i) => (i === label ? 1 : 0))),
    [labels.length, classes],
  )

const fails = async (work: () => unknown, code: string, message: RegExp) => {
  try {
    await work()
  } catch (error) {
    assert.instance(error, LanewiseError)
    assert.is((error as LanewiseError).code, code)
    assert.match((error as LanewiseError).message, message)
    return
  }
  assert.unreachable(`no error like ${message}`)
}

const convolutional = (second: boolean) =>
  sequential([
    layers.conv2d({ filters: 20, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
    layers.maxPooling2d({ poolSize: 2 }),
    ...(second
      ? [layers.conv2d({ filters: 40, kernelSize: 3, activation: 'relu' }), layers.maxPooling2d({ poolSize: 2 })]
      : []),
    layers.flatten(),
    layers.dense({ units: 100, activation: 'tanh' }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ])

const small = (units = 3) =>
  sequential([
    layers.dense({ units: 8, activation: 'tanh', inputShape: [4] }),
    layers.dense({ units, activation: 'softmax' }),
  ])

/** Three classes that a small network can tell apart. */
const separable = (count: number) => {
  const x = normals(count, 4)
  const data = x.data as Float32Array
  const labels = Array.from({ length: count }, (_, i) => {
    const row = [data[4 * i], data[4 * i + 1], data[4 * i + 2]]
    return row.indexOf(Math.max(...row))
  })
  return { x, y: oneHot(labels, 3), labels: new Tensor('int32', labels, [count]) }
}

test('summary prints the table of Keras 3', () => {
  assert.is(
    convolutional(false).summary(null),
    `Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 24, 24, 20)     │           520 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 12, 12, 20)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 2880)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 100)            │       288,100 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │         1,010 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 289,630 (1.10 MB)
 Trainable params: 289,630 (1.10 MB)
 Non-trainable params: 0 (0.00 B)
`,
  )
  assert.match(convolutional(true).summary(null), / Total params: 108,870 \(425\.27 KB\)/)
})

test('the summary of a branched model says what is connected to what', () => {
  const a = input({ shape: [6], name: 'a' })
  const b = input({ shape: [4], name: 'b' })
  const shared = layers.dense({ units: 5, name: 'shared' })
  const joined = layers.concatenate().apply([shared.apply(a), layers.dense({ units: 3 }).apply(b)])
  const text = model({ inputs: [a, b], outputs: layers.dense({ units: 2, name: 'out' }).apply(joined) }).summary(null)
  assert.match(text, /│ concatenate +│ \(None, 8\) +│ +0 │ shared\[0\]\[0\], +│/)
  assert.match(text, /│ out \(Dense\) +│ \(None, 2\) +│ +18 │ concatenate\[0\]\[0\] │/)
})

/** Whether all that `ours` says is in `theirs` too. */
function within(ours: unknown, theirs: unknown, path: string): void {
  if (Array.isArray(ours)) {
    assert.is((theirs as unknown[])?.length, ours.length, path)
    ours.forEach((item, i) => {
      within(item, (theirs as unknown[])[i], `${path}[${i}]`)
    })
  } else if (typeof ours === 'object' && ours !== null)
    for (const [key, value] of Object.entries(ours))
      within(value, (theirs as Record<string, unknown>)?.[key], `${path}.${key}`)
  else assert.is(ours, theirs, path)
}

const runs = join(resolve(process.env.LANEWISE_DATA || '../shared/data'), 'keras-training')

test('toJSON of the reference models says what Keras says', () => {
  if (!existsSync(runs)) return console.log(`SKIP the models of Keras: ${runs} is not there (set LANEWISE_DATA)`)
  let compared = 0
  for (const file of readdirSync(runs)) {
    if (!/course|functional|pool|conv|batchnorm|permute|leaky|regularizer|constraint|activation/.test(file)) continue
    const { model: theirs } = JSON.parse(readFileSync(join(runs, file), 'utf8'))
    within(JSON.parse(JSON.stringify(modelFromJSON(theirs))), theirs, file)
    compared++
  }
  assert.ok(compared >= 25, `${compared} models compared`)
})

test('JSON round trip of a functional model with a shared layer and a nested model', async () => {
  const inner = sequential([layers.dense({ units: 3, activation: 'relu', inputShape: [4] })], { name: 'inner' })
  const a = input({ shape: [4], name: 'a' })
  const b = input({ shape: [4], name: 'b' })
  const sum = layers.add().apply([inner.apply(a), inner.apply(b)])
  const net = model({ inputs: [a, b], outputs: [layers.dense({ units: 2 }).apply(sum), sum] })
  const copy = modelFromJSON(JSON.stringify(net))
  assert.equal(JSON.parse(JSON.stringify(copy)), JSON.parse(JSON.stringify(net)))
  copy.setWeights(net.getWeights())
  const x = { a: normals(5, 4), b: normals(5, 4) }
  const [y0, y1] = await net.predict<Tensor[]>(x)
  const [z0, z1] = await copy.predict<Tensor[]>(x)
  assert.equal(y0.dims, [5, 2])
  assert.equal([z0.data, z1.data], [y0.data, y1.data])
  net.dispose()
  copy.dispose()
})

test('fit learns, and gives the history under the names of Keras', async () => {
  setRandomSeed(1)
  const net = small()
  const { x, y } = separable(203)
  net.compile({
    optimizer: optimizers.adam({ learningRate: 0.02 }),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  })
  const { history, epoch } = await net.fit(x, y, { epochs: 25, batchSize: 16, validationSplit: 0.2, verbose: 0 })
  assert.equal(Object.keys(history), ['loss', 'accuracy', 'val_loss', 'val_accuracy'])
  assert.is(epoch.length, 25)
  assert.ok(history.accuracy[24] > 0.9, `accuracy ${history.accuracy[24]}`)
  assert.ok(history.loss[24] < history.loss[0] / 2)
  const logs = await net.evaluate(x, y, { batchSize: 64, verbose: 0 })
  const whole = await net.testOnBatch(x, y)
  assert.ok(Math.abs(logs.loss - whole.loss) < 1e-5)
  assert.ok(Math.abs(logs.accuracy - whole.accuracy) < 1e-6)
  net.dispose()
})

test('the same seed gives the same training; resident and copied data give the same bits', async () => {
  const { x, y } = separable(50)
  const train = async (residentBytes: number) => {
    setRandomSeed(5)
    const net = sequential([
      layers.dense({ units: 8, activation: 'relu', inputShape: [4] }),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ])
    net.compile({ optimizer: 'rmsprop', loss: 'categorical_crossentropy' })
    await net.fit(x, y, { epochs: 3, batchSize: 16, residentBytes, verbose: 0 })
    const weights = net.getWeights().map((weight) => weight.data)
    net.dispose()
    return weights
  }
  const resident = await train(2 ** 30)
  assert.equal(await train(0), resident)
  assert.equal(await train(2 ** 30), resident)
})

test('validationSplit holds out the last samples before shuffling', async () => {
  const net = sequential([layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones', inputShape: [1] })])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse' })
  const x = new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 1])
  const y = new Tensor('float32', [1, 2, 3, 4, 5, 6, 7, 8, 19, 20], [10])
  const { history } = await net.fit(x, y, { validationSplit: 0.2, verbose: 0 })
  assert.is(history.loss[0], 0)
  assert.is(history.val_loss[0], 100)
  net.dispose()
})

test('class weights weigh as the same sample weights do', async () => {
  const { x, y, labels } = separable(24)
  const weightOf = [0.5, 2, 1]
  const sampleWeight = new Tensor(
    'float32',
    labels.toNumbers().map((label) => weightOf[label]),
    [24],
  )
  const lossOf = async (options: object) => {
    const net = small()
    net.setWeights(start)
    net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
    const logs = await net.trainOnBatch(x, y, options)
    net.dispose()
    return logs.loss
  }
  const start = small().getWeights()
  const plain = await lossOf({})
  const weighted = await lossOf({ classWeight: { 0: 0.5, 1: 2 } })
  assert.is(weighted, await lossOf({ sampleWeight }))
  assert.is.not(weighted, plain)
})

test('sparse targets give the loss and accuracy of one-hot targets', async () => {
  const { x, y, labels } = separable(20)
  const start = small().getWeights()
  const logsOf = async (loss: string, targets: Tensor) => {
    const net = small()
    net.setWeights(start)
    net.compile({ loss, metrics: ['accuracy'] })
    const logs = await net.evaluate(x, targets, { verbose: 0 })
    net.dispose()
    return logs
  }
  assert.equal(await logsOf('sparseCategoricalCrossentropy', labels), await logsOf('categoricalCrossentropy', y))
})

test('callbacks run in order, and can stop', async () => {
  const calls: string[] = []
  const { x, y } = separable(8)
  const net = small()
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const log: Callback = {
    onTrainBegin: () => void calls.push('train'),
    onEpochBegin: (epoch) => void calls.push(`epoch ${epoch}`),
    onBatchBegin: (batch) => void calls.push(`batch ${batch}`),
    onBatchEnd: async (batch, logs) => void calls.push(`end ${batch} ${Number.isFinite(logs.loss)}`),
    onEpochEnd: (epoch) => {
      calls.push(`epoch end ${epoch}`)
      net.stopTraining = true
    },
    onTrainEnd: () => void calls.push('done'),
  }
  await net.fit(x, y, { epochs: 5, batchSize: 4, callbacks: [log], verbose: 0 })
  assert.equal(calls, ['train', 'epoch 0', 'batch 0', 'end 0 true', 'batch 1', 'end 1 true', 'epoch end 0', 'done'])
  net.dispose()
})

test('early stopping restores the best weights; a schedule sets the learning rate', async () => {
  const { x, y } = separable(16)
  const net = small()
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: 'categoricalCrossentropy' })
  const seen: number[] = []
  const { epoch } = await net.fit(x, y, {
    epochs: 20,
    callbacks: [
      callbacks.learningRateScheduler((index, rate) => (index < 3 ? rate : 50)),
      callbacks.earlyStopping({ monitor: 'loss', patience: 2, restoreBestWeights: true }),
      { onEpochEnd: (_, logs) => void seen.push(logs.loss) },
    ],
    verbose: 0,
  })
  assert.ok(epoch.length < 20)
  const { loss } = await net.evaluate(x, y, { verbose: 0 })
  assert.ok(loss <= Math.max(...seen) && Number.isFinite(loss))
  net.dispose()
})

test('TerminateOnNaN ends training', async () => {
  const net = sequential([layers.dense({ units: 1, inputShape: [1] })])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1e30 }), loss: 'mse' })
  const { epoch } = await net.fit(normals(8, 1), normals(8, 1), {
    epochs: 50,
    callbacks: [callbacks.terminateOnNaN()],
    verbose: 0,
  })
  assert.ok(epoch.length < 50)
  net.dispose()
})

test('a custom loss is a function over graph values', async () => {
  const net = sequential([layers.dense({ units: 2, inputShape: [3] })])
  const [x, y] = [normals(6, 3), normals(6, 2)]
  net.compile({ loss: (yTrue, yPred, emit) => emit.mean(emit.square(emit.sub(yTrue, yPred)), [-1]) })
  const custom = await net.evaluate(x, y, { verbose: 0 })
  net.compile({ loss: losses.meanSquaredError() })
  assert.ok(Math.abs(custom.loss - (await net.evaluate(x, y, { verbose: 0 })).loss) < 1e-6)
  net.dispose()
})

test('several outputs have a loss, a weight and metrics each', async () => {
  const a = input({ shape: [4] })
  const trunk = layers.dense({ units: 6, activation: 'relu' }).apply(a)
  const net = model({
    inputs: a,
    outputs: [
      layers.dense({ units: 3, activation: 'softmax', name: 'kind' }).apply(trunk),
      layers.dense({ units: 1, name: 'size' }).apply(trunk),
    ],
  })
  net.compile({
    optimizer: 'adam',
    loss: { kind: 'categoricalCrossentropy', size: 'mse' },
    lossWeights: { kind: 1, size: 0.25 },
    metrics: { kind: ['accuracy'], size: 'mae' },
  })
  const { x, y } = separable(10)
  const logs = await net.trainOnBatch(x, { kind: y, size: normals(10, 1) })
  assert.equal(Object.keys(logs), ['loss', 'kind_loss', 'size_loss', 'kind_accuracy', 'size_mae'])
  assert.ok(Math.abs(logs.loss - logs.kind_loss - 0.25 * logs.size_loss) < 1e-5)
  net.dispose()
})

test('a frozen layer keeps its weights', async () => {
  const net = small()
  net.getLayer('dense').trainable = false
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const before = net.getWeights()
  const { x, y } = separable(9)
  await net.trainOnBatch(x, y)
  const after = net.getWeights()
  assert.equal(after[0].data, before[0].data)
  assert.not.equal(after[2].data, before[2].data)
  net.dispose()
})

test('a sequential model without an input shape takes that of its data', async () => {
  const net = sequential([layers.dense({ units: 2 })])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  assert.match(net.summary(null), /0 \(unbuilt\)/)
  await net.fit(normals(6, 5), normals(6, 2), { verbose: 0 })
  assert.is(net.countParams(), 12)
  net.dispose()
})

test('a dataset of batches trains as its arrays do', async () => {
  const { x, y } = separable(20)
  const start = small().getWeights()
  const train = async (data: Parameters<ReturnType<typeof small>['fit']>[0], targets: Tensor | null) => {
    const net = small()
    net.setWeights(start)
    net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
    const { history } = await net.fit(data, targets, { batchSize: 8, epochs: 2, shuffle: false, verbose: 0 })
    const result = [history, net.getWeights(), await net.evaluate(data, targets, { batchSize: 8, verbose: 0 })]
    net.dispose()
    return result
  }
  const batches = {
    async *[Symbol.asyncIterator]() {
      for (const [from, to] of [
        [0, 8],
        [8, 16],
        [16, 20],
      ])
        yield [rowsOf(x, from, to), rowsOf(y, from, to)] as const
    },
  }
  assert.equal(await train(batches, null), await train(x, y))
})

test('an exported model gives the same outputs', async () => {
  const net = convolutional(true)
  const x = normals(3, 28, 28, 1)
  const session = await InferenceSession.create(net.toOnnx())
  const outputs = await session.run({ [session.inputNames[0]]: x })
  const expected = (await net.predict(x)).toNumbers()
  const actual = outputs[session.outputNames[0]].toNumbers()
  assert.ok(actual.every((value, i) => Math.abs(value - expected[i]) <= 1e-6))
  await session.release()
  net.dispose()
})

test('training lets others run', async () => {
  const net = convolutional(true)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  const started = performance.now()
  const x = normals(48, 28, 28, 1)
  await net.fit(x, oneHot(new Array(48).fill(1), 10), {
    batchSize: 4,
    epochs: 10_000,
    callbacks: [{ onEpochEnd: () => void (net.stopTraining = performance.now() - started > 300) }],
    verbose: 0,
  })
  clearInterval(timer)
  assert.ok(turns > 0)
  net.dispose()
})

test('data that does not fit is refused with the shapes', async () => {
  const net = small()
  const { x, y } = separable(8)
  await fails(() => net.fit(x, y), 'INVALID_ARGUMENT', /not compiled/)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  await fails(() => net.fit(normals(8, 5), y), 'SHAPE_MISMATCH', /'input_layer' takes \(None, 4\), got \(8, 5\)/)
  await fails(() => net.fit(x, normals(8, 4)), 'SHAPE_MISMATCH', /output 'dense_1'.*\[8, 3\].*\[8, 4\]/)
  await fails(() => net.fit(x, new Tensor('int32', [0, 1, 2, 0, 1, 2, 0, 1], [8])), 'SHAPE_MISMATCH', /sparse/)
  await fails(() => net.fit(normals(7, 4), y), 'SHAPE_MISMATCH', /as many samples each/)
  await fails(() => net.fit(normals(0, 4), normals(0, 3)), 'INVALID_DATA', /no samples/)
  await fails(
    () => net.fit(x, y, { classWeight: { 0: 2 }, sampleWeight: normals(8) }),
    'INVALID_ARGUMENT',
    /either classWeight or sampleWeight/,
  )
  await fails(() => net.setWeights([normals(4, 8)]), 'INVALID_ARGUMENT', /4 weights, got 1/)
  await fails(
    () => net.setWeights([normals(4, 9), normals(8), normals(8, 3), normals(3)]),
    'SHAPE_MISMATCH',
    /'dense\/kernel' has the shape \[4, 8\], got \[4, 9\]/,
  )
  await fails(() => net.compile({ loss: 'nope' }), 'INVALID_ARGUMENT', /unknown loss 'nope'/)
  await fails(() => net.compile({ optimizer: 'nope' }), 'INVALID_ARGUMENT', /unknown optimizer 'nope'/)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  await fails(() => Promise.all([net.fit(x, y, { verbose: 0 }), net.predict(x)]), 'INVALID_ARGUMENT', /busy/)
  await fails(() => modelFromJSON('{'), 'INVALID_MODEL', /JSON/)
  await fails(() => modelFromJSON({ class_name: 'Nope', config: {} }), 'INVALID_ARGUMENT', /'Nope' is not supported/)
})

test('predictions side by side wait for each other, not for a training', async () => {
  const net = sequential([layers.dense({ units: 2, inputShape: [3] })])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const inputs = Array.from({ length: 12 }, (_, i) => normals(1 + (i % 3), 3))
  const alone: number[][] = []
  for (const x of inputs) alone.push((await net.predict(x)).toNumbers())
  const both = inputs.map(async (x, i) => (await (i % 2 ? net.predict(x) : net.predictOnBatch(x))).toNumbers())
  assert.equal(await Promise.all(both), alone)
  const [failed, after] = await Promise.allSettled([net.predict(normals(1, 4)), net.predict(inputs[0])])
  assert.equal([failed.status, after.status], ['rejected', 'fulfilled'])
  const y = normals(3, 2)
  await fails(
    () => Promise.all([net.predict(inputs[2]), net.fit(inputs[2], y, { verbose: 0 })]),
    'INVALID_ARGUMENT',
    /busy/,
  )
  const within = fromGenerator(async function* () {
    yield [await net.predict(inputs[0])] as const
  })
  await fails(() => net.predict(within), 'INVALID_ARGUMENT', /busy/)
})

test('models that share layers share their weights, until the last is disposed of', async () => {
  const a = input({ shape: [4] })
  const features = layers.dense({ units: 3 }).apply(a)
  const whole = model({ inputs: a, outputs: layers.dense({ units: 2, activation: 'softmax' }).apply(features) })
  const part = model({ inputs: a, outputs: features })
  const x = normals(6, 4)
  const before = await part.predict(x)
  whole.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  await whole.trainOnBatch(x, oneHot([0, 1, 0, 1, 0, 1], 2))
  const after = await part.predict(x)
  assert.not.equal(after.data, before.data)
  whole.dispose()
  assert.equal((await part.predict(x)).data, after.data)
  part.dispose()
  await fails(() => part.getWeights(), 'DISPOSED', /went when its model was disposed of/)
})

test('models that share layers may start at the same time', async () => {
  const a = input({ shape: [4] })
  const features = layers.dense({ units: 3 }).apply(a)
  const outputs = [layers.dense({ units: 2 }), layers.dense({ units: 1 })].map((layer) => layer.apply(features))
  const models = [...outputs, features].map((output) => model({ inputs: a, outputs: output }))
  const x = normals(6, 4)
  const together = await Promise.all(models.map((net) => net.predict(x)))
  for (const [i, net] of models.entries()) assert.equal((await net.predict(x)).data, together[i].data)
  for (const net of models) net.dispose()
})

test('batches of many sizes', async () => {
  const net = small()
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' })
  const { x, y } = separable(40)
  const all = (await net.predictOnBatch(x)).toNumbers()
  for (let size = 1; size <= 40; size++) {
    const some = (await net.predictOnBatch(rowsOf(x, 0, size))).toNumbers()
    assert.is(some.length, 3 * size)
    assert.ok(some.every((value, i) => Math.abs(value - all[i]) < 1e-6))
  }
  for (let size = 1; size <= 40; size++) await net.trainOnBatch(rowsOf(x, 0, size), rowsOf(y, 0, size))
  net.dispose()
})

test('a disposed model says so', async () => {
  const net = small()
  await net.predict(normals(2, 4))
  net.dispose()
  await fails(() => net.predict(normals(2, 4)), 'DISPOSED', /disposed/)
})

test('a sequential model may start with input()', () => {
  const net = sequential([input({ shape: [4] }), layers.dense({ units: 2 })])
  assert.equal(net.inputs[0].shape, [null, 4])
  const inner = layers.dense({ units: 2 }).apply(input({ shape: [4] }))
  assert.throws(() => sequential([inner]), /made of layers/)
})

test.run()
