import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { numberToFloat16 } from '../src/core/half.js'
import { RandomGenerator } from '../src/core/random.js'
import { type Hdf5Group, readHdf5 } from '../src/data/hdf5/reader.js'
import { type GroupContent, writeHdf5 } from '../src/data/hdf5/writer.js'
import { writeZip, ZipArchive } from '../src/data/zip.js'
import {
  input,
  LanewiseError,
  layers as l,
  loadKeras,
  type Model,
  model,
  modelFromJSON,
  optimizers,
  sequential,
  setRandomSeed,
  Tensor,
} from '../src/index.js'

setRandomSeed(7)
const random = new RandomGenerator(3)
const normals = (...dims: number[]): Tensor =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
    dims,
  )

/** A model, and what it is trained with. */
interface Sample {
  readonly make: () => Model
  readonly x: Tensor | Tensor[]
  readonly y: Tensor | Tensor[]
  readonly optimizer: Parameters<Model['compile']>[0]['optimizer']
}

const nested = (): Model => {
  const inner = sequential([l.dense({ units: 5, activation: 'relu', inputShape: [4] }), l.batchNormalization()])
  const from = input({ shape: [5] })
  const head = model({ inputs: from, outputs: l.dense({ units: 3 }).apply(from) })
  const [a, b] = [input({ shape: [4] }), input({ shape: [4] })]
  const [p, q] = [head.apply(inner.apply(a)), head.apply(inner.apply(b))]
  return model({ inputs: [a, b], outputs: [l.dense({ units: 2 }).apply(l.concatenate().apply([p, q])), q] })
}

const within = (): Model => {
  const shared = l.dense({ units: 4, activation: 'tanh' })
  const [outside, inside] = [input({ shape: [4] }), input({ shape: [4] })]
  const inner = model({ inputs: inside, outputs: l.dense({ units: 3 }).apply(shared.apply(inside)) })
  const first = l.dense({ units: 4 }).apply(outside)
  const joined = l.concatenate().apply([shared.apply(first), inner.apply(first)])
  return model({ inputs: outside, outputs: l.dense({ units: 2 }).apply(joined) })
}

const attention = (): Model => {
  const x = input({ shape: [6, 4] })
  const attended = l.multiHeadAttention({ numHeads: 2, keyDim: 3 }).apply(x, { value: x })
  const normal = l.layerNormalization().apply(l.add().apply([x, attended]))
  return model({ inputs: x, outputs: l.dense({ units: 2 }).apply(l.globalAveragePooling1d().apply(normal)) })
}

const sequences = normals(8, 6, 4)
const samples: Readonly<Record<string, Sample>> = {
  'a layer within and outside of a nested model': {
    make: within,
    x: normals(8, 4),
    y: normals(8, 2),
    optimizer: 'adam',
  },
  'nested and shared models': {
    make: nested,
    x: [normals(8, 4), normals(8, 4)],
    y: [normals(8, 2), normals(8, 3)],
    optimizer: optimizers.sgd({ learningRate: 0.01, momentum: 0.9 }),
  },
  attention: { make: attention, x: sequences, y: normals(8, 2), optimizer: optimizers.adam({ amsgrad: true }) },
  'stacked cells': {
    make: () =>
      sequential([
        l.rnn({
          cell: [l.lstmCell({ units: 3 }), l.gruCell({ units: 4 }), l.lstmCell({ units: 2 })],
          inputShape: [6, 4],
        }),
        l.dense({ units: 2 }),
      ]),
    x: sequences,
    y: normals(8, 2),
    optimizer: optimizers.rmsprop({ momentum: 0.5, centered: true }),
  },
  'wrapped layers': {
    make: () =>
      sequential([
        l.bidirectional({ layer: l.gru({ units: 3, returnSequences: true }), inputShape: [6, 4] }),
        l.timeDistributed({ layer: l.dense({ units: 3, kernelRegularizer: 'l2' }) }),
        l.flatten(),
        l.spectralNormalization({ layer: l.dense({ units: 2 }) }),
      ]),
    x: sequences,
    y: normals(8, 2),
    optimizer: optimizers.adamW({ useEma: true }),
  },
  convolutions: {
    make: () =>
      sequential([
        l.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 2] }),
        l.depthwiseConv2d({ kernelSize: 3 }),
        l.separableConv2d({ filters: 4, kernelSize: 2 }),
        l.globalMaxPooling2d(),
        l.dense({ units: 2 }),
      ]),
    x: normals(8, 8, 8, 2),
    y: normals(8, 2),
    optimizer: optimizers.adafactor(),
  },
  accumulated: {
    make: () => sequential([l.dense({ units: 2, inputShape: [4] })]),
    x: normals(8, 4),
    y: normals(8, 2),
    optimizer: optimizers.ftrl({ gradientAccumulationSteps: 3 }),
  },
}

const listOf = (tensors: Tensor | Tensor[]): Tensor[] => (Array.isArray(tensors) ? tensors : [tensors])
const numbers = (tensors: Tensor | Tensor[]) => listOf(tensors).map((tensor) => tensor.toNumbers())

for (const [name, { make, x, y, optimizer }] of Object.entries(samples))
  test(`${name}: a .keras or .h5 file goes on training to the same bits; the other formats predict the same`, async () => {
    const net = make()
    net.compile({ optimizer, loss: 'meanSquaredError' })
    for (let step = 0; step < 4; step++) await net.trainOnBatch(x, y)
    const files = { ...(await net.toFiles('net.keras')), ...(await net.toFiles('net.weights.h5')) }
    const tensors = await net.toFiles('net.safetensors')
    const tfjs = await net.toFiles('model.json')
    const expected = numbers(await net.predict<Tensor | Tensor[]>(x))

    const whole = (await net.toFiles('net.h5'))['net.h5']
    const copies = [await loadKeras(files['net.keras']), await loadKeras(whole)]
    for (const copy of copies) {
      assert.equal(numbers(await copy.predict<Tensor | Tensor[]>(x)), expected)
      assert.is(copy.optimizer.iterations, 4)
    }
    const again = await loadKeras(tfjs)
    assert.equal(numbers(await again.predict<Tensor | Tensor[]>(x)), expected)
    for (const source of [files['net.weights.h5'], whole, tensors['net.safetensors'], tfjs]) {
      const other = modelFromJSON(net.toJSON())
      await other.loadWeights(source)
      assert.equal(numbers(await other.predict<Tensor | Tensor[]>(x)), expected)
      other.dispose()
    }

    for (let step = 0; step < 3; step++) {
      const logs = await net.trainOnBatch(x, y)
      for (const copy of copies) assert.equal(await copy.trainOnBatch(x, y), logs, `step ${step}`)
    }
    for (const copy of copies) assert.equal(numbers(copy.getWeights()), numbers(net.getWeights()))
    for (const each of [net, ...copies, again]) each.dispose()
  })

const refusal = async (work: Promise<unknown>): Promise<LanewiseError> => {
  try {
    await work
  } catch (error) {
    assert.instance(error, LanewiseError, (error as Error).stack)
    return error as LanewiseError
  }
  throw new Error('it was not refused')
}

test('weights of another model are refused with the place, and nothing changes', async () => {
  const small = sequential([l.dense({ units: 3, inputShape: [4] }), l.dense({ units: 2 })])
  const large = sequential([l.dense({ units: 3, inputShape: [4] }), l.dense({ units: 5 })])
  const before = numbers(large.getWeights())
  for (const name of ['a.weights.h5', 'a.keras', 'a.safetensors']) {
    const { code, message } = await refusal(large.loadWeights((await small.toFiles(name))[name]))
    assert.is(code, 'SHAPE_MISMATCH')
    assert.match(message, /dense_1/)
    assert.match(message, /\[3, 2\].*\[3, 5\]/)
  }
  assert.equal(numbers(large.getWeights()), before)
  const one = sequential([l.dense({ units: 3, inputShape: [4] })])
  const { message } = await refusal(large.loadWeights((await one.toFiles('a.weights.h5'))['a.weights.h5']))
  assert.match(message, /it has nothing for layer 'dense_1' under layers\/dense_1\/vars/)
})

test('a loss that is a function is named, with the way around', async () => {
  const net = sequential([l.dense({ units: 2, inputShape: [4] })])
  net.compile({ optimizer: 'sgd', loss: (a, b, k) => k.mean(k.square(k.sub(a, b)), [-1]) })
  assert.match(
    (await refusal(net.toFiles('a.keras'))).message,
    /the loss is made of a function.*includeOptimizer: false/,
  )
  const copy = await loadKeras((await net.toFiles('a.keras', { includeOptimizer: false }))['a.keras'])
  assert.is(copy.compileOptions, undefined)
  assert.match((await refusal(net.toFiles('a.h5'))).message, /the loss is made of a function/)
  assert.match((await refusal(net.toFiles('a.pdf'))).message, /does not say what to write: the endings are \.keras/)
})

test("the state of the optimizer within Keras's LossScaleOptimizer is read from .h5", async () => {
  const net = sequential([l.dense({ units: 2, inputShape: [4] })])
  const [x, y] = [normals(8, 4), normals(8, 2)]
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.5 }), loss: 'meanSquaredError' })
  for (let step = 0; step < 3; step++) await net.trainOnBatch(x, y)
  const file = readHdf5((await net.toFiles('net.h5'))['net.h5'])
  const written = (group: Hdf5Group): GroupContent => ({
    attributes: Object.fromEntries(
      [...group.attributes].map(([key, value]) => [
        key,
        typeof value === 'string' || Array.isArray(value) ? value : [],
      ]),
    ) as GroupContent['attributes'],
    children: new Map(group.names.map((name) => [name, group.dataset(name)?.read() ?? written(group.group(name)!)])),
  })
  const root = written(file)
  const training = JSON.parse(file.textAttribute('training_config')!)
  training.optimizer_config = {
    class_name: 'LossScaleOptimizer',
    config: { inner_optimizer: training.optimizer_config, initial_scale: 1024, dynamic_growth_steps: 3 },
  }
  const inner = file.group('optimizer_weights')!
  const names = inner.attributes.get('weight_names') as readonly string[]
  const own = { iteration: 0, learning_rate: 0, step_counter: 0, dynamic_scale: 2048 }
  for (const built of [2, 4]) {
    const scaled = Object.entries(own).slice(0, built)
    const scale = {
      attributes: {},
      children: new Map(scaled.map(([name, value]) => [name, Tensor.scalar(value)])),
    }
    const kept = built === 4 ? names : names.slice(0, 2)
    const state: GroupContent = {
      attributes: { weight_names: [...scaled.map(([name]) => `scale/${name}`), ...kept] },
      children: new Map([...written(inner).children, ['scale', scale]]),
    }
    const copy = await loadKeras(
      writeHdf5({
        attributes: { ...root.attributes, training_config: JSON.stringify(training) },
        children: new Map([...root.children, ['optimizer_weights', state]]),
      }),
    )
    assert.is(copy.optimizer.className, 'SGD')
    if (built === 4) {
      assert.is(copy.optimizer.iterations, 3)
      assert.equal(await copy.trainOnBatch(x, y), await net.trainOnBatch(x, y))
      assert.equal(numbers(copy.getWeights()), numbers(net.getWeights()))
    }
    copy.dispose()
  }
  net.dispose()
})

test('an .h5 file of many layers: names take several attributes, as one holds 64 KiB', async () => {
  const name = (i: number) => `layer_${'x'.repeat(i % 7 === 0 ? 200 : 20)}_${i}`
  const net = sequential(Array.from({ length: 700 }, (_, i) => l.rescaling({ scale: 1, name: name(i) })))
  net.add(l.dense({ units: 1 }))
  net.build([null, 2])
  const bytes = (await net.toFiles('long.h5'))['long.h5']
  const { attributes } = readHdf5(bytes).group('model_weights')!
  const parts = [0, 1, 2].map((i) => attributes.get(`layer_names${i}`) as string[] | undefined)
  assert.equal(
    parts.map((part) => part?.length),
    [234, 234, 233],
  )
  assert.equal(
    parts.flat(),
    net.layers.map((layer) => layer.name),
  )
  const copy = await loadKeras(bytes)
  assert.equal(numbers(copy.getWeights()), numbers(net.getWeights()))
})

test('vocabularies that Keras keeps as assets of a .keras file', async () => {
  const words = input({ shape: [2], dtype: 'string' })
  const lookup = l.stringLookup({ vocabulary: ['cat', 'dog'] })
  const net = model({ inputs: words, outputs: lookup.apply(words) })
  const archive = new ZipArchive((await net.toFiles('a.keras'))['a.keras'], 'a.keras')
  const config = new TextDecoder().decode(archive.need('config.json'))
  const members = Object.fromEntries(archive.names.map((name) => [name, archive.need(name)]))
  const text = new TextEncoder()
  members['config.json'] = text.encode(config.replace(/"vocabulary":\[[^\]]*\]/, '"vocabulary":null'))
  const assets = { 'assets/layers/string_lookup/vocabulary.txt': text.encode('[UNK]\ncat\ndog\n') }
  const copy = await loadKeras(writeZip({ ...members, ...assets }))
  const x = new Tensor('string', ['dog', 'cat', 'cow', 'dog'], [2, 2])
  assert.equal((await copy.predict(x)).toNumbers(), [2, 1, 0, 2])
  const { message } = await refusal(loadKeras(writeZip(members)))
  assert.match(message, /no member 'assets\/layers\/string_lookup\/vocabulary\.txt'/)
  net.dispose()
  copy.dispose()
})

test('flipped bytes of a .safetensors file give other numbers or a LanewiseError', async () => {
  const net = sequential([l.dense({ units: 3, inputShape: [4] }), l.dense({ units: 2 })])
  const whole = (await net.toFiles('a.safetensors'))['a.safetensors']
  let refused = 0
  for (let i = 0; i < 600; i++) {
    const bytes = i < 100 ? whole.slice(0, Math.floor((whole.length * i) / 100)) : whole.slice()
    if (i >= 100) bytes[random.uint32() % 300] = random.uint32() % 256
    await net.loadWeights(bytes).catch((error: unknown) => {
      assert.instance(error, LanewiseError, (error as Error).stack)
      refused++
    })
  }
  assert.ok(refused > 300, `${refused} refused`)
})

/** A TensorFlow.js model as its own converter writes it, of Keras 2, with quantized weights. */
function quantized(dtype: 'uint8' | 'uint16' | 'float16', values: readonly number[]) {
  const most = { uint8: 255, uint16: 65535, float16: 0 }[dtype]
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const scale = (high - low) / most
  const stored =
    dtype === 'float16'
      ? Uint16Array.from(values, numberToFloat16)
      : new (dtype === 'uint8' ? Uint8Array : Uint16Array)(values.map((value) => Math.round((value - low) / scale)))
  const quantization = dtype === 'float16' ? { dtype, original_dtype: 'float32' } : { dtype, scale, min: low }
  const dense = { name: 'd', trainable: true, dtype: 'float32', units: 2, activation: 'linear', use_bias: true }
  const initializer = { class_name: 'GlorotUniform', config: { seed: null, dtype: 'float32' } }
  const layers = [
    {
      class_name: 'InputLayer',
      name: 'in',
      config: { batch_input_shape: [null, 3], dtype: 'float32', sparse: false, ragged: false, name: 'in' },
      inbound_nodes: [],
    },
    {
      class_name: 'Dense',
      name: 'd',
      config: { ...dense, kernel_initializer: initializer, bias_initializer: { class_name: 'Zeros', config: {} } },
      inbound_nodes: [[['in', 0, 0, {}]]],
    },
  ]
  const config = { name: 'm', layers, input_layers: [['in', 0, 0]], output_layers: [['d', 0, 0]] }
  const weights = [
    { name: 'd/kernel', shape: [3, 2], dtype: 'float32', quantization },
    { name: 'd/bias', shape: [2], dtype: 'float32' },
  ]
  const training_config = {
    loss: 'categorical_crossentropy',
    metrics: [[{ class_name: 'MeanMetricWrapper', config: { name: 'accuracy', fn: 'categorical_accuracy' } }]],
    optimizer_config: { class_name: 'SGD', config: { name: 'SGD', lr: 0.1, decay: 0.5, momentum: 0, nesterov: false } },
  }
  const json = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.9.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Functional', config },
      training_config,
    },
    weightsManifest: [{ paths: ['a.bin', 'b.bin'], weights }],
  }
  const bytes = new Uint8Array([...new Uint8Array(stored.buffer), ...new Uint8Array(Float32Array.of(0.5, -1).buffer)])
  return {
    'model.json': new TextEncoder().encode(JSON.stringify(json)),
    'a.bin': bytes.slice(0, 5),
    'b.bin': bytes.slice(5),
  }
}

for (const [dtype, error] of [
  ['uint8', 0.005],
  ['uint16', 2e-5],
  ['float16', 1e-3],
] as const)
  test(`TensorFlow.js: weights quantized to ${dtype}, a model of Keras 2, shards that part a weight`, async () => {
    const kernel = [0.1, -0.7, 1.25, 0.4, -0.2, 0.9]
    const net = await loadKeras(quantized(dtype, kernel))
    const [weights, bias] = numbers(net.getWeights())
    assert.ok(Math.max(...weights.map((value, i) => Math.abs(value - kernel[i]))) <= error)
    assert.equal(bias, [0.5, -1])
    const y = await net.predict(new Tensor('float32', [1, 0, 0], [1, 3]))
    assert.ok(Math.abs(y.toNumbers()[0] - (weights[0] + 0.5)) < 1e-6)
    assert.is(net.optimizer.className, 'SGD')
    assert.ok(Math.abs(net.optimizer.currentLearningRate - 0.1) < 1e-9)
    net.optimizer.iterations = 4
    assert.ok(Math.abs(net.optimizer.currentLearningRate - 0.1 / 3) < 1e-9)
    net.dispose()
  })

test.run()
