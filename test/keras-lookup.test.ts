import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fingerprint64, sipHash64 } from '../src/core/fingerprint.js'
import { Tensor } from '../src/core/tensor.js'
import { input, layers, type Model, model, modelFromJSON, sequential } from '../src/keras/index.js'
import { fails } from './support/errors.js'
import { predictions, values } from './support/layers.js'

const words = (...rows: readonly (readonly string[])[]) =>
  new Tensor('string', rows.flat(), [rows.length, rows[0].length])
const integers = (...rows: readonly (readonly number[])[]) =>
  new Tensor('int64', rows.flat(), [rows.length, rows[0].length])

/** onnxruntime-web's outputs for strings or integers. */
async function inOnnx(net: Model, x: Tensor): Promise<(number | string)[]> {
  const session = await ort.InferenceSession.create(net.toOnnx())
  const given =
    x.type === 'string'
      ? new ort.Tensor('string', x.data as string[], x.dims)
      : new ort.Tensor('int64', x.data as BigInt64Array, x.dims)
  const [name] = session.outputNames
  const { data } = (await session.run({ [session.inputNames[0]]: given }))[name]
  return Array.from(data as ArrayLike<number | string | bigint>, (item) =>
    typeof item === 'string' ? item : Number(item),
  )
}

const vocabulary = ['cat', 'dog', 'owl']
const text = words(['dog', 'cat', 'ant'], ['owl', 'dog', 'dog'])

const lookupOf = (options: object, width = 3) => {
  const entry = input({ shape: [width], dtype: 'string' })
  return model({ inputs: entry, outputs: layers.stringLookup(options).apply(entry) })
}

test('words to places; in onnxruntime-web, and from JSON, too', async () => {
  const net = lookupOf({ vocabulary })
  const [y] = await predictions(net, [text])
  assert.equal([y.type, y.dims], ['int64', [2, 3]])
  const expected = [2, 1, 0, 3, 2, 2]
  assert.equal(y.toNumbers(), expected)
  assert.equal(await inOnnx(net, text), expected)
  const copy = modelFromJSON(JSON.stringify(net))
  assert.equal(copy.toJSON(), net.toJSON())
  assert.equal((await net.predict([['owl', 'ant', 'cat']])).toNumbers(), [3, 0, 1])
  for (const one of [net, copy]) one.dispose()
})

test('a mask token is 0 and the unknown 1', async () => {
  const net = lookupOf({ vocabulary, maskToken: 'ant' })
  const x = words(['ant', 'bee', 'cat'])
  assert.equal((await predictions(net, [x]))[0].toNumbers(), [0, 1, 2])
  assert.equal(await inOnnx(net, x), [0, 1, 2])
  const layer = layers.stringLookup({ vocabulary: ['ant', '[UNK]', 'cat'], maskToken: 'ant' })
  assert.equal(layer.getVocabulary(), ['ant', '[UNK]', 'cat'])
  assert.equal(layer.getVocabulary({ includeSpecialTokens: false }), ['cat'])
  assert.is(layer.vocabularySize, 3)
  net.dispose()
})

test('rows of classes, marks, counts and tf-idf', async () => {
  const idfWeights = [0.25, 0.5, 0.75]
  const expected: Readonly<Record<string, readonly number[]>> = {
    one_hot: [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0],
    multi_hot: [1, 1, 1, 0, 0, 0, 1, 1],
    count: [1, 1, 1, 0, 0, 0, 2, 1],
    // Unknown words weigh as much as the others in the mean.
    tf_idf: [0.5, 0.25, 0.5, 0, 0, 0, 1, 0.75],
  }
  for (const [outputMode, numbers] of Object.entries(expected)) {
    const net = lookupOf({ vocabulary, outputMode, ...(outputMode === 'tf_idf' && { idfWeights }) })
    const [y] = await predictions(net, [text])
    assert.equal([y.type, values(y)], ['float32', numbers], outputMode)
    assert.equal(await inOnnx(net, text), numbers, outputMode)
    const copy = modelFromJSON(net.toJSON())
    assert.equal(values((await predictions(copy, [text]))[0]), numbers)
    for (const one of [net, copy]) one.dispose()
  }
  const padded = lookupOf({ vocabulary, outputMode: 'count', maxTokens: 6, padToMaxTokens: true, maskToken: 'ant' })
  assert.equal(values((await predictions(padded, [text]))[0]), [0, 1, 1, 0, 0, 0, 0, 0, 2, 1, 0, 0])
  padded.dispose()
})

test('places to words, at the end of a model', async () => {
  const entry = input({ shape: [3], dtype: 'int64' })
  const net = model({ inputs: entry, outputs: layers.stringLookup({ vocabulary, invert: true }).apply(entry) })
  const x = integers([1, 3, 0], [2, 9, 1])
  const expected = ['cat', 'owl', '[UNK]', 'dog', '[UNK]', 'cat']
  const [y] = await predictions(net, [x])
  assert.equal([y.type, y.data], ['string', expected])
  assert.equal(await inOnnx(net, x), expected)
  net.dispose()
})

test('adapt takes the most frequent words; of equals the last in order', async () => {
  const data = ['b', 'a', 'c', 'b', 'd', 'd', 'b', '[UNK]']
  const layer = layers.stringLookup()
  await fails(() => layer.getVocabulary(), /no vocabulary yet/)
  await layer.adapt(data)
  assert.equal(layer.getVocabulary(), ['[UNK]', 'b', 'd', 'c', 'a'])
  const few = layers.stringLookup({ maxTokens: 3 })
  await few.adapt(
    (async function* () {
      yield words(data.slice(0, 4))
      yield words(data.slice(4))
    })(),
  )
  assert.equal(few.getVocabulary(), ['[UNK]', 'b', 'd'])
  const entry = input({ shape: [1], dtype: 'string' })
  const net = model({ inputs: entry, outputs: few.apply(entry) })
  const copy = modelFromJSON(net.toJSON())
  assert.equal((await copy.predict([['d'], ['a']])).toNumbers(), [2, 0])
  for (const one of [net, copy]) one.dispose()
  const weighed = layers.stringLookup({ outputMode: 'tf_idf' })
  await weighed.adapt(words(['a', 'b'], ['b', 'b'], ['b', 'c']))
  assert.equal(weighed.getVocabulary(), ['[UNK]', 'b', 'c', 'a'])
  const idf = [Math.log(1 + 3 / 4), Math.log(1 + 3 / 2), Math.log(1 + 3 / 2)]
  const mean = idf.reduce((a, b) => a + b, 0) / 3
  assert.equal(weighed.getConfig().idf_weights, [mean, ...idf])
})

test('integers: one place for the unknown, or buckets by remainder, or none', async () => {
  const x = integers([12, 36, -7], [5, 12, 99])
  const make = (options: object) => {
    const entry = input({ shape: [3], dtype: 'int64' })
    return model({ inputs: entry, outputs: layers.integerLookup(options).apply(entry) })
  }
  const cases = [
    [{ vocabulary: [12, 36] }, [1, 2, 0, 0, 1, 0]],
    [{ vocabulary: [12, 36], maskToken: 5 }, [2, 3, 1, 0, 2, 1]],
    [{ vocabulary: [12, 36], numOovIndices: 3 }, [3, 4, 2, 2, 3, 0]],
    [{ vocabulary: [12, 36, 5, -7, 99], numOovIndices: 0 }, [0, 1, 3, 2, 0, 4]],
  ] as const
  for (const [options, expected] of cases) {
    const net = make(options)
    assert.equal((await predictions(net, [x]))[0].toNumbers(), expected)
    assert.equal(await inOnnx(net, x), expected)
    const copy = modelFromJSON(net.toJSON())
    assert.equal((await predictions(copy, [x]))[0].toNumbers(), expected)
    for (const one of [net, copy]) one.dispose()
  }
  const layer = layers.integerLookup()
  await layer.adapt([3, 3, 8, 8, 8, 1])
  assert.equal(layer.getVocabulary(), [-1, 8, 3, 1])
})

test('a model of words trains: lookup, embedding, mean, dense', async () => {
  const lookup = layers.stringLookup({ vocabulary: ['good', 'fine', 'bad', 'poor'] })
  const entry = input({ shape: [2], dtype: 'string' })
  const net = sequential([
    entry,
    lookup,
    layers.embedding({ inputDim: 5, outputDim: 4 }),
    layers.globalAveragePooling1d(),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ])
  net.compile({
    optimizer: { module: 'keras.optimizers', class_name: 'Adam', config: { learning_rate: 0.1 } },
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  })
  const x = [
    ['good', 'fine'],
    ['bad', 'poor'],
    ['fine', 'fine'],
    ['poor', 'odd'],
  ]
  const y = new Tensor('float32', [1, 0, 1, 0], [4, 1])
  await net.fit(x, y, { epochs: 20, verbose: 0 })
  assert.is((await net.evaluate(x, y, { verbose: 0 })).accuracy, 1)
  assert.is((await net.predict(x)).dims[0], 4)
  net.dispose()
})

const column = (...items: readonly string[]) => new Tensor('string', items, [items.length, 1])
const letters = column('A', 'B', 'C', 'D', 'E')

test('FarmHash and SipHash: values that their authors and TensorFlow publish', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const signed = (text: string) => BigInt.asIntN(64, fingerprint64(bytes(text)))
  assert.is(signed('test'), 8581389452482819506n)
  assert.is(signed('test'.repeat(8)), -4196240717365766262n)
  assert.is(signed('test'.repeat(64)), 3500507768004279527n)
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const
  const input = Uint8Array.from({ length: 15 }, (_, i) => i)
  assert.is(sipHash64(input, key), 0xa129ca6149be45e5n)
})

test("Hashing: the bins of the examples in Keras's documentation", async () => {
  const cases: [options: object, x: Tensor, expected: number[]][] = [
    [{}, letters, [1, 0, 1, 1, 2]],
    [{ maskValue: '' }, column('A', 'B', '', 'C', 'D'), [1, 1, 0, 2, 2]],
    [{ salt: [133, 137] }, letters, [1, 2, 1, 0, 2]],
    [{ salt: 133 }, letters, [0, 0, 2, 1, 0]],
  ]
  for (const [options, x, expected] of cases) {
    const entry = input({ shape: [1], dtype: 'string' })
    const net = model({ inputs: entry, outputs: layers.hashing({ numBins: 3, ...options }).apply(entry) })
    const copy = modelFromJSON(JSON.stringify(net))
    for (const one of [net, copy]) {
      const [y] = await predictions(one, [x])
      assert.equal([y.type, y.toNumbers()], ['int64', expected])
    }
    await fails(() => net.toOnnx(), /HashBucket/)
    for (const one of [net, copy]) one.dispose()
  }
})

test('Hashing of integers is that of their digits; counts train', async () => {
  const numbers = integers([5, -12, 7], [7, 7, 0])
  const digits = words(['5', '-12', '7'], ['7', '7', '0'])
  const bins = (dtype: 'int64' | 'string', options: object) => {
    const entry = input({ shape: [3], dtype })
    return model({ inputs: entry, outputs: layers.hashing({ numBins: 4, ...options }).apply(entry) })
  }
  for (const options of [
    {},
    { salt: 3 },
    { outputMode: 'multi_hot' },
    { outputMode: 'count' },
    { outputMode: 'one_hot' },
  ]) {
    const [fromNumbers, fromText] = [bins('int64', options), bins('string', options)]
    assert.equal((await predictions(fromNumbers, [numbers]))[0], (await predictions(fromText, [digits]))[0])
    for (const one of [fromNumbers, fromText]) one.dispose()
  }
  const masked = bins('int64', { maskValue: 7 })
  const [found] = await predictions(masked, [numbers])
  assert.equal(
    [2, 3, 4].map((i) => found.toNumbers()[i]),
    [0, 0, 0],
  )
  const entry = input({ shape: [3], dtype: 'string' })
  const counts = layers.hashing({ numBins: 4, outputMode: 'count' }).apply(entry)
  const net = model({ inputs: entry, outputs: layers.dense({ units: 1 }).apply(counts) })
  net.compile({ optimizer: 'sgd', loss: 'mse' })
  const y = new Tensor('float32', [1, -1], [2, 1])
  const { history } = await net.fit(digits, y, { epochs: 30, verbose: 0 })
  assert.ok(history.loss[29] < 0.5 * history.loss[0])
  for (const one of [masked, net]) one.dispose()
})

test("HashedCrossing: the bins of the examples in Keras's documentation, and of texts with numbers", async () => {
  const cross = (dtypes: readonly ('int64' | 'string')[], options: object) => {
    const entries = dtypes.map((dtype) => input({ shape: [1], dtype }))
    return model({ inputs: entries, outputs: layers.hashedCrossing({ numBins: 5, ...options }).apply(entries) })
  }
  const letters = column('A', 'B', 'A', 'B', 'A')
  const numbers = new Tensor('int64', [101, 101, 101, 102, 102], [5, 1])
  const net = cross(['string', 'int64'], {})
  const [y] = await predictions(net, [letters, numbers])
  assert.equal(y.toNumbers(), [1, 4, 1, 1, 3])
  const hot = cross(['string', 'int64'], { outputMode: 'one_hot' })
  const [rows] = await predictions(hot, [letters, numbers])
  assert.equal(rows.dims, [5, 5])
  assert.equal(
    rows.toNumbers(),
    [1, 4, 1, 1, 3].flatMap((bin) => [0, 1, 2, 3, 4].map((i) => Number(i === bin))),
  )
  const whole = cross(['int64', 'int64'], {})
  const [ints] = await predictions(whole, [numbers, numbers])
  assert.ok(ints.toNumbers().every((bin) => bin >= 0 && bin < 5))
  await fails(
    () => layers.hashedCrossing({ numBins: 5 }).apply([input({ shape: [2], dtype: 'int64' })]),
    /two features/,
  )
  for (const one of [net, hot, whole]) one.dispose()
})

test('several buckets for unknown words, as TensorFlow hashes them', async () => {
  const net = lookupOf({ vocabulary: ['cat'], numOovIndices: 3 }, 3)
  const [y] = await predictions(net, [words(['A', 'cat', 'B'], ['C', 'D', 'E'])])
  assert.equal(y.toNumbers(), [1, 3, 0, 1, 1, 2])
  const salted = lookupOf({ vocabulary: ['cat'], numOovIndices: 3, salt: [133, 137], maskToken: '' }, 3)
  const [z] = await predictions(salted, [words(['A', 'cat', ''], ['C', 'D', 'E'])])
  assert.equal(z.toNumbers(), [2, 4, 0, 2, 1, 3])
  const layer = layers.integerLookup({ vocabulary: [7], numOovIndices: 3, oovMethod: 'farmhash' })
  const entry = input({ shape: [2], dtype: 'int64' })
  const whole = model({ inputs: entry, outputs: layer.apply(entry) })
  const [found] = await predictions(whole, [integers([7, 12])])
  assert.equal(found.toNumbers(), [3, Number(fingerprint64(new TextEncoder().encode('12')) % 3n)])
  assert.equal(modelFromJSON(JSON.stringify(salted)).toJSON(), salted.toJSON())
  for (const one of [net, salted, whole]) one.dispose()
})

test('what does not fit is said', async () => {
  await fails(() => layers.stringLookup({ vocabulary: ['a', 'b', 'a'] }), /token 'a' is given twice/)
  await fails(() => layers.stringLookup({ vocabulary: ['a', 'b'], maxTokens: 2 }), /3 tokens are more than maxTokens 2/)
  await fails(() => layers.stringLookup({ vocabulary: ['a', 'm'], maskToken: 'm' }), /'m' is reserved/)
  await fails(
    // @ts-expect-error there is no such mode
    () => layers.stringLookup({ outputMode: 'rows' }),
    /outputMode must be one of int, one_hot, multi_hot, count, tf_idf/,
  )
  await fails(() => layers.stringLookup({ vocabulary, outputMode: 'tf_idf' }), /idfWeights/)
  await fails(() => layers.stringLookup({ vocabulary }).adapt(['a']), /there is nothing to adapt/)
  await fails(() => layers.integerLookup({ vocabulary: ['a'] as never }), /its tokens are numbers, got "a"/)
  await fails(() => layers.stringLookup({ salt: 3, vocabulary }), /a salt goes with several buckets/)
  await fails(() => layers.hashing({ numBins: 3, salt: [1, 2, 3] }), /salt must be an integer of 0 or more, or two/)
  await fails(() => layers.hashing({ numBins: 0 }), /numBins must be a positive integer/)
  const net = lookupOf({ vocabulary, numOovIndices: 0 })
  await fails(() => net.predict(text), /"ant" is not in the vocabulary/)
  await fails(() => net.predict(integers([1, 2, 3])), /takes strings, got int64/)
  net.dispose()
  const entry = input({ shape: [3], dtype: 'string' })
  const direct = model({ inputs: entry, outputs: layers.identity().apply(entry) })
  await fails(() => direct.predict(text), /'identity' \(Identity\) gets or gives strings/)
  direct.dispose()
})

test.run()
