// Programs as users of Keras write them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { input, layers, loadOnnx, model, modelFromJSON, optimizers, sequential, Tensor } from '../src/index.js'
import { agreesInOnnx, far, normals, values } from './support/layers.js'

test('inputs and outputs by name: data, losses, logs, predictions, nested models and JSON', async () => {
  const [left, right] = [input({ shape: [3], name: 'left' }), input({ shape: [2], name: 'right' })]
  const sum = layers.dense({ units: 4 }).apply(layers.concatenate().apply([left, right]))
  const inner = model({ inputs: { right, left }, outputs: sum, name: 'inner' })
  const [b, a] = [input({ shape: [2], name: 'b' }), input({ shape: [3], name: 'a' })]
  const y = layers.dense({ units: 2, name: 'y' }).apply(inner.apply({ right: b, left: a }))
  const z = layers.dense({ units: 1, name: 'z' }).apply(y)
  const net = model({ inputs: { b, a }, outputs: { z, y } })
  assert.equal(
    [net.inputNames, net.outputNames],
    [
      ['a', 'b'],
      ['y', 'z'],
    ],
  )
  net.compile({ optimizer: 'sgd', loss: { y: 'mse', z: 'mae' }, metrics: { y: ['mae'] } })
  const x = { b: normals(8, 2), a: normals(8, 3) }
  const { history } = await net.fit(x, { z: normals(8, 1), y: normals(8, 2) }, { verbose: 0 })
  assert.equal(Object.keys(history), ['loss', 'y_loss', 'z_loss', 'y_mae'])
  const predicted = await net.predict<Record<string, Tensor>>(x)
  assert.equal(
    Object.entries(predicted).map(([name, { dims }]) => [name, dims]),
    [
      ['y', [8, 2]],
      ['z', [8, 1]],
    ],
  )
  // Keras's form of the structure: objects of [layer, node, tensor], of tensors in the call of the nested model.
  const json = JSON.parse(JSON.stringify(net))
  assert.equal(json.config.input_layers, { a: ['a', 0, 0], b: ['b', 0, 0] })
  assert.equal(json.config.output_layers, { y: ['y', 0, 0], z: ['z', 0, 0] })
  const [call] = json.config.layers.find(({ name }: { name: string }) => name === 'inner').inbound_nodes
  assert.equal(Object.keys(call.args[0]), ['left', 'right'])
  const copy = modelFromJSON(json)
  assert.equal(JSON.parse(JSON.stringify(copy)), json)
  copy.setWeights(net.getWeights())
  const again = await copy.predict<Record<string, Tensor>>(x)
  for (const name of ['y', 'z']) assert.equal(values(again[name]), values(predicted[name]))
  assert.throws(() => inner.apply({ left: a }), /model 'inner' is applied to no 'right'/)
  assert.throws(() => inner.apply({ left: a, right: b, b }), /model 'inner' has no input 'b'; it has left, right/)
  assert.throws(() => layers.dense({ units: 1 }).apply({ a }), /'dense' \(Dense\): .*only models take tensors by name/)
})

test('penalties as in Keras: none for frozen weights, one for shared ones', async () => {
  const shared = layers.dense({ units: 2, kernelRegularizer: 'l2' })
  const x = input({ shape: [3] })
  const inside = input({ shape: [3] })
  const inner = model({ inputs: inside, outputs: shared.apply(inside) })
  const net = model({ inputs: x, outputs: layers.add().apply([shared.apply(x), inner.apply(x)]) })
  const [data, target] = [Tensor.zeros('float32', [4, 3]), Tensor.zeros('float32', [4, 2])]
  const lossOf = async () => {
    net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse' })
    return [(await net.trainOnBatch(data, target)).loss, (await net.evaluate(data, target, { verbose: 0 })).loss]
  }
  const penalty = values(shared.getWeights()[0]).reduce((sum, value) => sum + 0.01 * value * value, 0)
  assert.ok(far(await lossOf(), [penalty, penalty]) < 1e-6)
  shared.trainable = false
  assert.equal(await lossOf(), [0, 0])
  net.dispose()
  inner.dispose()
})

test('what is trained is settled by compile, for batches of every size', async () => {
  const layer = layers.dense({ units: 1, inputShape: [2] })
  const net = sequential([layer])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  await net.fit(normals(4, 2), normals(4, 1), { batchSize: 4, verbose: 0 })
  layer.trainable = false
  const before = values(layer.getWeights()[0])
  await net.fit(normals(3, 2), normals(3, 1), { batchSize: 3, verbose: 0 })
  assert.not.equal(values(layer.getWeights()[0]), before)
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const frozen = values(layer.getWeights()[0])
  await net.fit(normals(3, 2), normals(3, 1), { batchSize: 3, verbose: 0 })
  assert.equal(values(layer.getWeights()[0]), frozen)
  net.dispose()
})

test('a last axis of size 1 is added to data, or taken away, as the input asks for', async () => {
  const net = sequential([
    input({ shape: [6, 6, 1] }),
    layers.conv2d({ filters: 2, kernelSize: 3 }),
    layers.flatten(),
    layers.dense({ units: 1 }),
  ])
  const images = normals(4, 6, 6)
  const whole = values(await net.predict(images.reshape([4, 6, 6, 1])))
  assert.equal(values(await net.predict(images)), whole)
  assert.equal(values(await net.predict(images.reshape([4, 6, 6, 1, 1]))), whole)
  net.dispose()
})

test('what an ONNX file computes of the batch size is known in training; weights of several nodes are one', async () => {
  const cell = { useBias: false, returnSequences: true }
  const net = sequential([
    layers.masking({ maskValue: 0, inputShape: [5, 2] }),
    layers.lstm({ units: 3, ...cell }),
    layers.gru({ units: 2, ...cell }),
    layers.lambda({ function: (x, k) => k.mean(x, 1) }),
  ])
  const x = normals(6, 5, 2)
  for (let i = 0; i < 6; i++) (x.data as Float32Array).fill(0, i * 10 + 6, i * 10 + 10)
  await agreesInOnnx(net, [x])
  const again = await loadOnnx(net.toOnnx())
  assert.equal(
    again.weights.map(({ shape }) => shape),
    net.weights.map(({ shape }) => shape),
  )
  const y = normals(6, 2)
  const losses = []
  for (const trainee of [net, again]) {
    trainee.compile({ optimizer: 'sgd', loss: 'mse' })
    const { history } = await trainee.fit(x, y, { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 })
    losses.push(history.loss)
  }
  assert.ok(far(losses[0], losses[1]) < 1e-6)
  net.dispose()
  again.dispose()
})

test('equal biases of a new network stay apart through ONNX', async () => {
  const net = sequential([layers.dense({ units: 3, inputShape: [3] }), layers.dense({ units: 3 })])
  const again = await loadOnnx(net.toOnnx())
  assert.is(again.weights.length, 4)
  const [x, y] = [normals(8, 3), normals(8, 3)]
  for (const trainee of [net, again]) {
    trainee.compile({ optimizer: 'sgd', loss: 'mse' })
    await trainee.fit(x, y, { epochs: 3, shuffle: false, verbose: 0 })
  }
  const [first, second] = [net, again].map((trainee) => trainee.getWeights().map(values))
  first.forEach((content, i) => {
    assert.ok(far(content, second[i]) < 1e-6)
  })
})

test('RNN, GRU and LSTM of an ONNX file train', async () => {
  for (const make of [layers.simpleRNN, layers.gru, layers.lstm]) {
    const net = sequential([layers.bidirectional({ layer: make({ units: 4 }), inputShape: [6, 2] })])
    const again = await loadOnnx(net.toOnnx())
    assert.is(again.countParams() >= net.countParams(), true)
    again.compile({ optimizer: 'adam', loss: 'mse' })
    const [x, y] = [normals(8, 6, 2), normals(8, 8)]
    const { history } = await again.fit(x, y, { epochs: 20, verbose: 0 })
    assert.ok(history.loss[19] < history.loss[0])
    await agreesInOnnx(again, [x])
  }
})

test('a layer called with training: false is in inference while training, as in transfer learning', async () => {
  const inside = input({ shape: [4] })
  const norm = layers.batchNormalization()
  const base = model({ inputs: inside, outputs: layers.dropout({ rate: 0.9 }).apply(norm.apply(inside)) })
  const x = input({ shape: [4] })
  const net = model({ inputs: x, outputs: base.apply(x, { training: false }) })
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse' })
  const [data, target] = [normals(8, 4), normals(8, 4)]
  const before = norm.getWeights().map(values)
  const { loss } = await net.trainOnBatch(data, target)
  assert.ok(Math.abs(loss - (await net.evaluate(data, target, { verbose: 0 })).loss) < 1e-6)
  assert.equal(norm.getWeights().map(values), before)
  const copy = modelFromJSON(net.toJSON())
  assert.equal(copy.toJSON(), net.toJSON())
  net.dispose()
})

test('a layer called with training: true takes the statistics of the batch in predictions', async () => {
  const x = input({ shape: [3] })
  const y = layers.batchNormalization({ epsilon: 0 }).apply(x, { training: true })
  const net = model({ inputs: x, outputs: y })
  const data = normals(16, 3)
  const given = values(data)
  const column = (i: number) => given.filter((_, at) => at % 3 === i % 3)
  const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length
  const expected = given.map((value, i) => {
    const [list, middle] = [column(i), mean(column(i))]
    return (value - middle) / Math.sqrt(mean(list.map((other) => (other - middle) ** 2)))
  })
  assert.ok(far(values(await net.predict(data)), expected) < 1e-5)
  net.dispose()
})

test('stateful layers go through arrays in batches of their size', async () => {
  const net = sequential([
    input({ batchShape: [4, 5, 2] }),
    layers.bidirectional({ layer: layers.lstm({ units: 3, stateful: true }) }),
    layers.dense({ units: 1 }),
  ])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const [x, y] = [normals(8, 5, 2), normals(8, 1)]
  await net.fit(x, y, { batchSize: 4, epochs: 2, shuffle: false, verbose: 0 })
  const reset = () => (net.layers[0] as ReturnType<typeof layers.bidirectional>).resetStates()
  reset()
  const whole = values(await net.predict(x))
  reset()
  const first = values(await net.predictOnBatch(new Tensor(x.data.slice(0, 40) as Float32Array, [4, 5, 2])))
  const second = values(await net.predictOnBatch(new Tensor(x.data.slice(40) as Float32Array, [4, 5, 2])))
  assert.equal(whole, [...first, ...second])
  for (const options of [{ batchSize: 8 }, { batchSize: 3 }])
    await net.predict(x, options).then(
      () => assert.unreachable(),
      (error: Error) => {
        assert.match(error.message, /stateful and takes batches of 4/)
      },
    )
  await net.fit(normals(6, 5, 2), normals(6, 1)).then(
    () => assert.unreachable(),
    (error: Error) => {
      assert.match(error.message, /a multiple of it of samples, got 4 and 6/)
    },
  )
  net.dispose()
})

test('a fixed batch axis binds no model without states', async () => {
  const net = sequential([input({ batchShape: [4, 2] }), layers.dense({ units: 1 })])
  assert.equal((await net.predict(normals(7, 2), { batchSize: 5 })).dims, [7, 1])
})

test('TimeDistributed hands each step its part of the mask', async () => {
  const lstm = layers.lstm({ units: 3 })
  const words = input({ shape: [2, 5], dtype: 'int32' })
  const embedding = layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true })
  const net = model({ inputs: words, outputs: layers.timeDistributed({ layer: lstm }).apply(embedding.apply(words)) })
  const one = input({ shape: [5], dtype: 'int32' })
  const single = model({ inputs: one, outputs: lstm.apply(embedding.apply(one)) })
  const texts = new Tensor('int32', [1, 2, 3, 0, 0, 4, 5, 0, 0, 0, 6, 7, 8, 1, 2, 3, 0, 0, 0, 0], [2, 2, 5])
  const whole = values(await net.predict(texts))
  assert.ok(far(whole, values(await single.predict(texts.reshape([4, 5])))) < 1e-6)
  net.dispose()
  single.dispose()
})

test('models between tensors of another: features, and the layers behind them', async () => {
  const x = input({ shape: [8, 8, 1] })
  const features = layers.conv2d({ filters: 2, kernelSize: 3, activation: 'relu' }).apply(x)
  const pooled = layers.globalAveragePooling2d().apply(features)
  const whole = model({ inputs: x, outputs: layers.dense({ units: 2 }).apply(layers.add().apply([pooled, pooled])) })
  assert.equal([whole.input, whole.output], [whole.inputs[0], whole.outputs[0]])
  const dense = whole.layers.at(-1)!
  assert.is((dense.input as (typeof whole.inputs)[0]).node.layer.className, 'Add')
  const first = model({ inputs: whole.input, outputs: features })
  const second = model({ inputs: features, outputs: whole.output })
  const data = normals(4, 8, 8, 1)
  const between = await first.predict(data)
  assert.equal(values(await second.predict(between)), values(await whole.predict(data)))
  assert.equal(second.inputs[0].shape, [null, 6, 6, 2])
  const copy = modelFromJSON(second.toJSON())
  copy.setWeights(second.getWeights())
  assert.equal(values(await copy.predict(between)), values(await second.predict(between)))
  assert.throws(
    () => model({ inputs: pooled, outputs: layers.concatenate().apply([pooled, layers.flatten().apply(x)]) }),
    /depend on input 'input_layer'/,
  )
  for (const net of [whole, first, second, copy]) net.dispose()
})

test('targets and weights of outputs that nothing asks for may be left out', async () => {
  const x = input({ shape: [3] })
  const make = (name: string) => layers.dense({ units: 1, name }).apply(x)
  const net = model({ inputs: x, outputs: [make('a'), make('b')] })
  const data = normals(8, 3)
  const y = normals(8, 1)
  net.compile({ optimizer: 'sgd', loss: { a: 'mse' } })
  const { loss } = await net.evaluate(data, { a: y })
  const predicted = values((await net.predict<Tensor[]>(data))[0])
  const expected = values(y).reduce((sum, value, i) => sum + (value - predicted[i]) ** 2, 0) / 8
  assert.ok(Math.abs(loss - expected) < 1e-6)
  const { history } = await net.fit(data, { a: y }, { verbose: 0 })
  assert.equal(Object.keys(history), ['loss', 'a_loss'])
  await net.fit(data, [y, null] as never, { verbose: 0 })
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  await net.fit(data, { a: y }, { verbose: 0 }).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /target: 'b' is missing/),
  )
  await net.fit(data, [y, y], { sampleWeight: { b: Tensor.zeros('float32', [8]) }, verbose: 0 })
  net.dispose()
})

test('adversaries: models that were trained apart are trained as one, in turns', async () => {
  const noise = input({ shape: [2] })
  const generator = model({ inputs: noise, outputs: layers.dense({ units: 3 }).apply(noise) })
  const sample = input({ shape: [3] })
  const judge = layers.dense({ units: 1, activation: 'sigmoid' })
  const discriminator = model({ inputs: sample, outputs: judge.apply(sample) })
  discriminator.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: 'binaryCrossentropy' })
  // What compile settled stays: the discriminator trains, but not as a part of the whole.
  discriminator.trainable = false
  const whole = model({ inputs: noise, outputs: discriminator.apply(generator.output) })
  whole.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy' })
  const [z, ones, zeros] = [normals(4, 2), Tensor.full('float32', [4, 1], 1), Tensor.zeros('float32', [4, 1])]
  const kernels = () => [generator, discriminator].map((net) => values(net.getWeights()[0]))
  const fake = await generator.predict(z)
  const [, before] = kernels()
  await discriminator.trainOnBatch(fake, zeros)
  const [made, judged] = kernels()
  assert.not.equal(judged, before)
  await whole.trainOnBatch(z, ones)
  assert.not.equal(kernels()[0], made)
  assert.equal(kernels()[1], judged)
  await discriminator.trainOnBatch(fake, zeros)
  assert.not.equal(kernels()[1], judged)
  const through = values(await whole.predict(z))
  assert.equal(values(await discriminator.predict(await generator.predict(z))), through)
  generator.dispose()
  discriminator.dispose()
  assert.equal(values(await whole.predict(z)), through)
  whole.dispose()
})

test('masks through Concatenate along the steps, and not through Dot', async () => {
  const [a, b] = [input({ shape: [3], dtype: 'int32' }), input({ shape: [2, 4] })]
  const words = layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true }).apply(a)
  const joined = layers.concatenate({ axis: 1 }).apply([words, b, words])
  const pooled = layers.globalAveragePooling1d().apply(joined)
  const products = layers.flatten().apply(layers.dot({ axes: 2 }).apply([words, b]))
  const net = model({ inputs: [a, b], outputs: [joined, pooled, products] })
  const x = [new Tensor('int32', [1, 2, 0, 3, 0, 0], [2, 3]), normals(2, 2, 4)]
  const [steps, means, dots] = (await net.predict<Tensor[]>(x)).map(values)
  const counts = [
    [1, 1, 0, 1, 1, 1, 1, 0],
    [1, 0, 0, 1, 1, 1, 0, 0],
  ]
  const expected = counts.flatMap((row, sample) =>
    Array.from({ length: 4 }, (_, k) => {
      const sum = row.reduce((total, count, step) => total + count * steps[(sample * 8 + step) * 4 + k], 0)
      return sum / row.filter((count) => count).length
    }),
  )
  assert.ok(far(means, expected) < 1e-6)
  assert.is(dots.length, 12)
  await agreesInOnnx(net, x)
  net.dispose()
})

test('a chain that does not know its input yet goes through JSON', async () => {
  const net = sequential([layers.dense({ units: 2 })])
  const copy = modelFromJSON(JSON.stringify(net))
  assert.equal(copy.toJSON(), net.toJSON())
  assert.equal((await copy.predict(normals(3, 4))).dims, [3, 2])
})

test('sequences of any length: masks, cells of every activation, causal masks', async () => {
  const words = input({ shape: [null], dtype: 'int32' })
  const embedded = layers.embedding({ inputDim: 9, outputDim: 4, maskZero: true }).apply(words)
  const attended = layers
    .multiHeadAttention({ numHeads: 2, keyDim: 2 })
    .apply(embedded, { value: embedded, useCausalMask: true })
  const both = layers.bidirectional({ layer: layers.lstm({ units: 3, returnSequences: true }) }).apply(attended)
  const net = model({ inputs: words, outputs: layers.gru({ units: 2, activation: 'selu' }).apply(both) })
  assert.equal(
    [both.shape, net.output.shape],
    [
      [null, null, 6],
      [null, 2],
    ],
  )
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const texts = new Tensor('int32', [1, 2, 3, 4, 5, 6], [2, 3])
  const padded = new Tensor('int32', [1, 2, 3, 0, 0, 4, 5, 6, 0, 0], [2, 5])
  await net.fit(texts, normals(2, 2), { verbose: 0 })
  await net.fit(padded, normals(2, 2), { verbose: 0 })
  assert.ok(far(values(await net.predict(padded)), values(await net.predict(texts))) < 1e-6)
  const copy = modelFromJSON(net.toJSON())
  assert.equal(copy.toJSON(), net.toJSON())
  assert.throws(
    () => net.toOnnx(),
    (error: Error) => /give the input a fixed length/i.test(error.message),
  )
  net.dispose()
})

test('images of any size: resized, cropped, flipped, enlarged, normalized by groups', async () => {
  const x = input({ shape: [null, null, 4] })
  const large = layers.upSampling2d({ size: 2, interpolation: 'bilinear' }).apply(x)
  const turned = layers.randomFlip().apply(layers.groupNormalization({ groups: 2 }).apply(large))
  const net = model({
    inputs: x,
    outputs: [
      turned,
      layers.resizing({ height: 3, width: 5 }).apply(turned),
      layers.centerCrop({ height: 4, width: 4 }).apply(turned),
    ],
  })
  assert.equal(
    net.outputs.map(({ shape }) => shape),
    [
      [null, null, null, 4],
      [null, 3, 5, 4],
      [null, 4, 4, 4],
    ],
  )
  const fixed = input({ shape: [4, 6, 4] })
  const same = model({ inputs: fixed, outputs: net.applyAll(fixed) })
  const images = normals(2, 4, 6, 4)
  const [a, b] = [await net.predict<Tensor[]>(images), await same.predict<Tensor[]>(images)]
  assert.equal(
    a.map(({ dims }) => dims),
    b.map(({ dims }) => dims),
  )
  assert.equal(a.map(values), b.map(values))
  await agreesInOnnx(same, [images])
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  await net.fit(images, a, { verbose: 0 })
  net.dispose()
  same.dispose()
})

test('metrics of one name have names of their own in logs', async () => {
  const net = sequential([layers.dense({ units: 1, inputShape: [2] })])
  net.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['mae', 'mae'], weightedMetrics: ['mae', 'mae', 'mse'] })
  const { history } = await net.fit(normals(4, 2), normals(4, 1), { sampleWeight: normals(4), verbose: 0 })
  assert.equal(Object.keys(history), ['loss', 'mae', 'mae_1', 'weighted_mae', 'weighted_mae_1', 'mse'])
})

test('an index that an Embedding has no row for is named, be it of an input, of a nested model or of words', async () => {
  const inside = input({ shape: [3], dtype: 'int32' })
  const inner = model({ inputs: inside, outputs: layers.embedding({ inputDim: 5, outputDim: 2 }).apply(inside) })
  const [plain, nested] = [input({ shape: [3] }), input({ shape: [3], name: 'nested' })]
  const wide = layers.embedding({ inputDim: 9, outputDim: 2, name: 'wide' }).apply(plain)
  const sum = layers.flatten().apply(layers.add().apply([wide, inner.apply(nested)]))
  const net = model({ inputs: [plain, nested], outputs: layers.dense({ units: 1 }).apply(sum) })
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const fine = [[0, 8, 4]]
  await net.fit([fine, [[4, 0, 1]]], [[1]], { verbose: 0 })
  const refused = async (run: () => Promise<unknown>, message: RegExp) => {
    try {
      await run()
    } catch (error) {
      return assert.match(String((error as Error).message), message)
    }
    assert.unreachable(String(message))
  }
  const last = /input 'nested': element 2 is 5; layer 'embedding' \(Embedding\) takes 0 to 4, as its inputDim is 5/
  await refused(() => net.fit([fine, [[4, 0, 5]]], [[1]], { verbose: 0 }), last)
  await refused(() => net.predict([[[0, -1, 4]], [[4, 0, 1]]]), /element 1 is -1; layer 'wide'/)
  net.dispose()
  const words = layers.textVectorization({ vocabulary: ['a', 'b', 'c', 'd'], outputSequenceLength: 2 })
  const texts = sequential([
    input({ shape: [1], dtype: 'string' }),
    words,
    layers.embedding({ inputDim: 4, outputDim: 2 }),
  ])
  await texts.predict([['a b']])
  await refused(() => texts.predict([['a d']]), /element 1 is 5; layer 'embedding\w*' \(Embedding\) takes 0 to 3/)
  texts.dispose()
})

test('layers of another copy of lanewise are refused as such', () => {
  const x = input({ shape: [3] })
  // What another copy makes has the same form and other classes.
  const layer = { name: 'theirs', className: 'Dense', inboundNodes: [], weights: [] }
  const theirs = { ...x, node: { ...x.node, layer } } as never
  const refused = /layer 'theirs' comes from another copy of lanewise: import everything from one/
  assert.throws(() => sequential([layer as never]), refused)
  assert.throws(() => sequential([theirs]), refused)
  assert.throws(() => layers.dense({ units: 1 }).apply(theirs), refused)
  assert.throws(() => layers.add().apply([x, theirs]), refused)
  assert.throws(() => model({ inputs: x, outputs: theirs }), refused)
})

test.run()
