import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { referenceKernels } from '../src/backend/reference/table.js'
import { InferenceSession, layers, losses, metrics, optimizers, sequential, Tensor } from '../src/index.js'
import { isLoaded } from '../src/ops/index.js'

const x = new Tensor(
  'float32',
  Array.from({ length: 4 * 6 * 3 }, (_, i) => Math.sin(i)),
  [4, 6, 3],
)
const y = new Tensor('float32', [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [4, 3])

test('a convolutional network trains, and is exported, without reference kernels of what wasm runs', async () => {
  const images = sequential([
    layers.conv2d({ filters: 2, kernelSize: 3, activation: 'relu', inputShape: [6, 6, 1] }),
    layers.batchNormalization(),
    layers.maxPooling2d(),
    layers.dropout({ rate: 0.5 }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'softmax' }),
  ])
  images.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  await images.fit(Tensor.zeros('float32', [4, 6, 6, 1]), y, { epochs: 1, batchSize: 2, verbose: 0 })
  assert.ok(images.toOnnx().length > 0)
  for (const op of ['Conv', 'MatMul', 'lanewise.AdamUpdate', 'lanewise.SoftmaxCrossEntropy'])
    assert.not.ok(Object.hasOwn(referenceKernels, op), op)
  images.dispose()
})

const net = sequential([
  layers.einsumDense({ equation: 'abc,cd->abd', outputShape: [null, 5], inputShape: [6, 3] }),
  layers.lstm({ units: 4 }),
  layers.dense({ units: 3, activation: 'sparsemax' }),
])

test('layers write ops of packs that are not there: a model is summed up, written and exported', () => {
  assert.match(net.summary(null), /lstm.*\(None, 4\)/i)
  assert.ok(net.toOnnx().length > 0)
  for (const op of ['Einsum', 'LSTM', 'TopK', 'CumSum']) assert.not.ok(isLoaded(op), op)
})

test('predict loads the packs of the model, and gives what the exported model gives', async () => {
  const predicted = await net.predict(x)
  for (const op of ['Einsum', 'LSTM', 'TopK', 'CumSum']) assert.ok(isLoaded(op), op)
  const session = await InferenceSession.create(net.toOnnx())
  const outputs = await session.run({ [session.inputNames[0]]: x })
  assert.equal(outputs[session.outputNames[0]].toNumbers(), predicted.toNumbers())
  await session.release()
})

test('a step loads the packs of losses and metrics; gradients reach every weight', async () => {
  const images = sequential([
    layers.upSampling2d({ size: 2, interpolation: 'bilinear', inputShape: [2, 2, 1] }),
    layers.conv2dTranspose({ filters: 2, kernelSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 3, activation: 'sigmoid' }),
  ])
  const before = images.getWeights().map((weight) => weight.toNumbers())
  assert.not.ok(isLoaded('Resize'))
  images.compile({
    optimizer: optimizers.adam(),
    loss: losses.binaryCrossentropy(),
    metrics: [metrics.precision({ topK: 1 }), metrics.meanIoU({ numClasses: 2 })],
  })
  const logs = await images.trainOnBatch(
    new Tensor(
      'float32',
      Array.from({ length: 16 }, (_, i) => Math.cos(i)),
      [4, 2, 2, 1],
    ),
    y,
  )
  assert.ok(Number.isFinite(logs['loss']))
  for (const op of ['Resize', 'ConvTranspose', 'ScatterElements']) assert.ok(isLoaded(op), op)
  images.getWeights().forEach((weight, i) => {
    assert.not.equal(weight.toNumbers(), before[i], images.weights[i].name)
  })
  images.dispose()
})

test('gradients go through layers whose packs came with a prediction or come with the step', async () => {
  const before = net.getWeights().map((weight) => weight.toNumbers())
  net.compile({ optimizer: optimizers.adam({ learningRate: 0.1 }), loss: 'meanSquaredError' })
  await net.trainOnBatch(x, y)
  const [kernel] = net.getWeights()
  assert.not.equal(kernel.toNumbers(), before[0])
  net.dispose()
})

test.run()
