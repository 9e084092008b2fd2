import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tokensOf } from '../src/core/tokens.js'
import { input, layers, type Model, model, modelFromJSON, sequential, Tensor } from '../src/index.js'
import { fails } from './support/errors.js'

const column = (...items: readonly string[]) => new Tensor('string', items, [items.length, 1])
const vectorizing = (layer: ReturnType<typeof layers.textVectorization>): Model => {
  const entry = input({ shape: [1], dtype: 'string' })
  return model({ inputs: entry, outputs: layer.apply(entry) })
}
const numbers = async (net: Model, x: Tensor) => {
  const y = await net.predict<Tensor>(x)
  return [y.type, y.dims, y.toNumbers().map(Number)] as const
}
const corpus = ['foo bar', 'bar baz', 'baz bada boom']

test("the examples of Keras's documentation", async () => {
  const layer = layers.textVectorization({ maxTokens: 5000, outputMode: 'int', outputSequenceLength: 4 })
  await layer.adapt(corpus)
  const net = vectorizing(layer)
  const x = column('foo qux bar', 'qux baz')
  const expected = ['int64', [2, 4], [4, 1, 3, 0, 1, 2, 0, 0]] as const
  assert.equal(await numbers(net, x), expected)
  const copy = modelFromJSON(JSON.stringify(net))
  assert.equal(await numbers(copy, x), expected)
  assert.equal(copy.toJSON(), net.toJSON())
  const given = layers.textVectorization({ vocabulary: ['earth', 'wind', 'and', 'fire'], outputSequenceLength: 4 })
  assert.equal(given.getVocabulary(), ['', '[UNK]', 'earth', 'wind', 'and', 'fire'])
  for (const one of [net, copy]) one.dispose()
})

test('texts are standardized, split and joined as TensorFlow does', () => {
  const text = "  The cat's Äpfel, (two)\tthe\n end. "
  const tokens = (options: object) =>
    tokensOf(text, { standardize: 'lower_and_strip_punctuation', split: 'whitespace', ngrams: null, ...options })
  assert.equal(tokens({}), ['the', 'cats', 'Äpfel', 'two', 'the', 'end'])
  assert.equal(tokens({ standardize: 'lower' }), ['the', "cat's", 'Äpfel,', '(two)', 'the', 'end.'])
  assert.equal(tokens({ standardize: null })[0], 'The')
  assert.equal(tokens({ split: null }), ['  the cats Äpfel two\tthe\n end '])
  assert.equal(tokens({ split: 'character' }).slice(0, 4), [' ', ' ', 't', 'h'])
  assert.equal(tokens({ ngrams: [1, 3] }).slice(5, 8), ['end', 'the cats Äpfel', 'cats Äpfel two'])
  assert.equal(tokens({ ngrams: [9] }), [])
})

test('without a length the longest text gives it; other modes count words', async () => {
  const vocabulary = ['a', 'b', 'a b']
  const open = vectorizing(layers.textVectorization({ vocabulary }))
  assert.equal(await numbers(open, column('b A c', 'a')), ['int64', [2, 3], [3, 2, 1, 2, 0, 0]])
  const modes = { multi_hot: [1, 1, 1, 0, 0, 0, 1, 0], count: [1, 2, 1, 0, 0, 0, 2, 0] }
  for (const [outputMode, expected] of Object.entries(modes) as [keyof typeof modes, number[]][]) {
    const net = vectorizing(layers.textVectorization({ vocabulary, outputMode }))
    const y = await net.predict<Tensor>(column('b a c a', 'b, b!'))
    assert.equal([y.dims, y.toNumbers()], [[2, 4], expected])
    net.dispose()
  }
  const pairs = vectorizing(layers.textVectorization({ vocabulary, outputMode: 'count', ngrams: 2 }))
  assert.equal((await pairs.predict<Tensor>(column('a b a b'))).toNumbers(), [1, 2, 2, 2])
  const weights = { outputMode: 'tf_idf', idfWeights: [0.5, 2, 1] } as const
  const weighted = vectorizing(layers.textVectorization({ vocabulary, ...weights }))
  const y = (await weighted.predict<Tensor>(column('b b a'))).toNumbers()
  assert.equal(y, [0, 0.5, 4, 0])
  for (const one of [open, pairs, weighted]) one.dispose()
})

test('a model learns from texts, is saved and loaded, and is not exported', async () => {
  const layer = layers.textVectorization({ outputSequenceLength: 3 })
  await layer.adapt(['good film', 'fine film', 'bad film', 'poor show'])
  const net = sequential([
    input({ shape: [1], dtype: 'string' }),
    layer,
    layers.embedding({ inputDim: 16, outputDim: 4, maskZero: true }),
    layers.globalAveragePooling1d(),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ])
  net.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  net.optimizer.learningRate = 0.1
  const x = column('A good film!', 'bad film', 'fine film', 'poor film')
  const y = new Tensor('float32', [1, 0, 1, 0], [4, 1])
  await net.fit(x, y, { epochs: 20, verbose: 0 })
  assert.is((await net.evaluate(x, y, { verbose: 0 })).accuracy, 1)
  const copy = modelFromJSON(JSON.stringify(net))
  copy.setWeights(net.getWeights())
  assert.equal((await copy.predict<Tensor>(x)).toNumbers(), (await net.predict<Tensor>(x)).toNumbers())
  await fails(() => net.toOnnx(), /Tokenize/)
  for (const one of [net, copy]) one.dispose()
})

test('what does not fit is said', async () => {
  await fails(
    () => layers.textVectorization({ standardize: 'upper' }),
    /standardize must be null or one of lower, strip_/,
  )
  await fails(() => layers.textVectorization({ split: 'words' }), /split must be null or one of whitespace, character/)
  await fails(() => layers.textVectorization({ ngrams: [0] }), /ngrams must be positive integers/)
  await fails(
    () => layers.textVectorization({ outputMode: 'count', outputSequenceLength: 4 }),
    /outputSequenceLength goes with the output mode 'int'/,
  )
})

test.run()
