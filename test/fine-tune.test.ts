import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { toCategorical } from '../src/data/labels.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { layers, loadOnnx, losses, model, sequential, setRandomSeed } from '../src/index.js'
import { decode } from '../src/onnx/decode.js'
import { encode } from '../src/onnx/encode.js'
import { exportModel } from '../src/onnx/export.js'
import { attributeType, type ValueInfoProto } from '../src/onnx/messages.js'
import { decodeTensor, encodeTensor } from '../src/onnx/tensors.js'
import { loadOperators } from '../src/packs/index.js'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const data = process.env.LANEWISE_DATA || resolve('..', 'shared', 'data')
const random = new RandomGenerator(11)

const randomTensor = (dims: readonly number[]): Tensor => {
  const tensor = Tensor.zeros('float32', dims)
  const elements = tensor.data as Float32Array
  for (let index = 0; index < elements.length; index++) elements[index] = random.normal()
  return tensor
}

const largestDifference = (a: Tensor, b: { readonly data: ArrayLike<unknown> }): number =>
  Math.max(...a.toNumbers().map((value, index) => Math.abs(value - Number(b.data[index]))))

async function runPeer(bytes: Uint8Array, x: Tensor): Promise<ort.Tensor> {
  const peer = await ort.InferenceSession.create(bytes)
  const outputs = await peer.run({ [peer.inputNames[0]]: new ort.Tensor('float32', x.data as Float32Array, x.dims) })
  await peer.release()
  return outputs[peer.outputNames[0]]
}

const smallCnn = () =>
  sequential([
    layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu', inputShape: [12, 12, 1] }),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
    layers.dense({ units: 16, activation: 'tanh' }),
    layers.dense({ units: 4, activation: 'softmax' }),
  ])

const samples = {
  x: randomTensor([64, 12, 12, 1]),
  y: toCategorical(
    new Tensor(
      'uint8',
      Uint8Array.from({ length: 64 }, (_, i) => i % 4),
      [64],
    ),
    4,
  ),
}

test('an imported model trains as the model that was exported', async () => {
  setRandomSeed(3)
  const net = smallCnn()
  const tuned = await loadOnnx(net.toOnnx())
  const histories = []
  for (const trainee of [net, tuned]) {
    trainee.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
    const { history } = await trainee.fit(samples.x, samples.y, {
      epochs: 5,
      batchSize: 16,
      shuffle: false,
      verbose: 0,
    })
    histories.push(history)
  }
  const [native, imported] = histories
  native.loss.forEach((loss, epoch) => {
    assert.ok(Math.abs(loss - imported.loss[epoch]) < 1e-5, `epoch ${epoch}: ${loss} against ${imported.loss[epoch]}`)
  })
  assert.ok(imported.loss[4] < imported.loss[0])
  assert.ok(largestDifference(await net.predict(samples.x), await tuned.predict(samples.x)) < 1e-5)
  net.dispose()
  tuned.dispose()
})

test('what was trained goes out again: the same predictions, names and metadata', async () => {
  const source = smallCnn().toOnnx({ metadata: { origin: 'test' } })
  const tuned = await loadOnnx(source)
  tuned.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
  await tuned.fit(samples.x, samples.y, { epochs: 2, batchSize: 16, verbose: 0 })
  const bytes = tuned.toOnnx()
  const [before, after] = [source, bytes].map((file) => decode('ModelProto', file))
  assert.equal(
    after.graph!.input!.map(({ name }) => name),
    before.graph!.input!.map(({ name }) => name),
  )
  assert.equal(
    after.graph!.output!.map(({ name }) => name),
    before.graph!.output!.map(({ name }) => name),
  )
  assert.equal(
    after.metadataProps!.map(({ key, value }) => [key, value]),
    [['origin', 'test']],
  )
  const predictions = await tuned.predict(samples.x)
  assert.ok(largestDifference(predictions, await runPeer(bytes, samples.x)) < 1e-5)
  tuned.dispose()
})

test('frozen layers keep their weights, a new head learns', async () => {
  const body = await loadOnnx(smallCnn().toOnnx())
  const features = body.layers.find((layer) => layer.className === 'Tanh')!
  for (const layer of body.layers) layer.trainable = false
  const net = model({
    inputs: body.inputs[0],
    outputs: layers.dense({ units: 4, activation: 'softmax', name: 'head' }).apply(features.output),
  })
  const frozen = net.layers.filter((layer) => layer.weights.length > 0 && layer.name !== 'head')
  assert.ok(frozen.length >= 3)
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
  const contents = async () => {
    const all = await net.readVariables()
    return frozen.flatMap((layer) => layer.weights.map((weight) => all.get(weight)!.toNumbers()))
  }
  const before = await contents()
  const { history } = await net.fit(samples.x, samples.y, { epochs: 20, batchSize: 16, verbose: 0 })
  assert.equal(await contents(), before)
  assert.ok(history.loss[19] < history.loss[0])
  assert.ok(largestDifference(await net.predict(samples.x), await runPeer(net.toOnnx(), samples.x)) < 1e-5)
  net.dispose()
})

const exports = join(data, 'keras-onnx')

test('Keras exports: the same outputs as Keras, weights to train, and no shape chains left', async () => {
  if (!existsSync(exports)) {
    console.log(`SKIP Keras exports: ${exports} is not there`)
    return
  }
  for (const name of [
    'keras_course_model5',
    'keras_vgg_small',
    'keras_cnn_bn_gap',
    'keras_mobilenetv2_small',
    'keras_branches',
  ]) {
    const folder = join(exports, name)
    const net = await loadOnnx(join(folder, 'model.onnx'))
    const read = async (file: string) =>
      decodeTensor(decode('TensorProto', await readFile(join(folder, 'test_data_set_0', file))))
    const expected = await read('output_0.pb')
    const actual = await net.predict(await read('input_0.pb'))
    actual.toNumbers().forEach((value, index) => {
      const wanted = Number(expected.data[index])
      assert.ok(
        Math.abs(value - wanted) <= 1e-4 + 1e-3 * Math.abs(wanted),
        `${name} [${index}]: ${value}, not ${wanted}`,
      )
    })
    const ops = new Set(net.layers.map((layer) => layer.className))
    for (const op of ['Shape', 'Cast', 'Gather', 'Slice']) assert.not(ops.has(op), `${name} keeps ${op}`)
    assert.ok(net.countParams() > 100)
    net.dispose()
  }
})

test('deep Keras exports train, go out again, and onnxruntime-web agrees', async () => {
  if (!existsSync(exports)) {
    console.log(`SKIP training of Keras exports: ${exports} is not there`)
    return
  }
  for (const name of ['keras_mobilenetv2_small', 'keras_vgg_small', 'keras_cnn_bn_gap']) {
    const net = await loadOnnx(join(exports, name, 'model.onnx'))
    const shape = net.inputs[0].shape.slice(1) as number[]
    const classes = net.outputs[0].shape[1] as number
    const labels = new Tensor(
      'uint8',
      Uint8Array.from({ length: 32 }, (_, index) => index % classes),
      [32],
    )
    const x = randomTensor([32, ...shape])
    const fromLogits = net.layers.every((layer) => layer.className !== 'Softmax')
    const before = (await net.predict(x)).toNumbers()
    net.compile({ optimizer: 'adam', loss: losses.categoricalCrossentropy({ fromLogits }) })
    const { history } = await net.fit(x, toCategorical(labels, classes), { epochs: 8, batchSize: 16, verbose: 0 })
    assert.ok(history.loss[7] < history.loss[0], `${name}: ${history.loss}`)
    const after = await net.predict(x)
    assert.not.equal(after.toNumbers(), before)
    const difference = largestDifference(after, await runPeer(net.toOnnx(), x))
    assert.ok(difference < 1e-4, `${name}: ${difference}`)
    net.dispose()
  }
})

/** y = Dropout(x w) in training mode, with half of the elements. */
const droppingModel = (seed?: number): Uint8Array => {
  const info = (name: string, width: number): ValueInfoProto => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }, { dimValue: width }] } } },
  })
  return encode('ModelProto', {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      name: 'g',
      node: [
        { opType: 'MatMul', name: 'm', input: ['x', 'w'], output: ['t'] },
        {
          opType: 'Dropout',
          name: 'd',
          input: ['t', 'ratio', 'training'],
          output: ['y'],
          attribute: seed === undefined ? [] : [{ name: 'seed', type: attributeType.INT, i: seed }],
        },
      ],
      input: [info('x', 8)],
      output: [info('y', 8)],
      initializer: [
        encodeTensor(randomTensor([8, 8]), 'w'),
        encodeTensor(new Tensor('float32', [0.5], []), 'ratio'),
        encodeTensor(new Tensor('bool', [1], []), 'training'),
      ],
    },
  })
}

test('an imported Dropout in training mode draws anew in each step, the same for the same seed', async () => {
  const x = randomTensor([16, 8])
  const y = Tensor.zeros('float32', [16, 8])
  const lossesOf = async (bytes: Uint8Array, seed: number) => {
    setRandomSeed(seed)
    const net = await loadOnnx(bytes)
    for (const layer of net.layers) layer.trainable = false
    net.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const logs: number[] = []
    for (let step = 0; step < 3; step++) logs.push((await net.trainOnBatch(x, y))['loss'])
    net.dispose()
    return logs
  }
  for (const bytes of [droppingModel(), droppingModel(7)]) {
    const first = await lossesOf(bytes, 1)
    assert.is(new Set(first).size, 3, `the same elements drop out in each step: ${first}`)
    assert.equal(await lossesOf(bytes, 1), first)
  }
  assert.not.equal(await lossesOf(droppingModel(), 2), await lossesOf(droppingModel(), 1))
})

test('outputs keep the names of the file, though one node gives several, and types choose the opset', async () => {
  await loadOperators(['TopK', 'QuantizeLinear'])
  const k = new GraphBuilder()
  const x = k.input('x', 'float32', ['n', 6])
  const [values, places] = k.emit('TopK', [x, k.ints([2])], { axis: 1 }, 2)
  k.output(values, 'best')
  k.output(places, 'where')
  const zero = k.constant(new Tensor('int16', [3], []))
  const quantized = k.op('QuantizeLinear', [x, k.scalar(0.01), zero])
  k.output(k.op('DequantizeLinear', [quantized, k.scalar(0.01), zero]), 'rounded')
  const bytes = exportModel(k.build())
  const model = await loadOnnx(bytes)
  assert.equal(model.outputNames, ['best', 'where', 'rounded'])
  const answers = []
  for (const file of [bytes, await model.exportOnnx()]) {
    const session = await ort.InferenceSession.create(file)
    const elements = Float32Array.of(3, -1, 4, 1, -5, 9)
    const results = await session.run({ x: new ort.Tensor('float32', elements, [1, 6]) })
    answers.push(Object.entries(results).map(([name, { type, dims, data }]) => [name, type, [...dims], data]))
    await session.release()
  }
  assert.equal(answers[1], answers[0])
})

test.run()
