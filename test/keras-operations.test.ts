import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError, loadKeras, modelFromJSON, Tensor } from '../src/index.js'
import { modernLayer } from '../src/keras/files/keras2.js'

const history = (name: string) => ({
  class_name: '__keras_tensor__',
  config: { shape: [null, 2, 3], dtype: 'float32', keras_history: [name, 0, 0] },
})
const slice = (start: number | null, stop: number | null, step: number | null = null) => ({
  class_name: '__slice__',
  config: { start, stop, step },
})
const ellipsis = { class_name: '__ellipsis__', config: {} }

/** A model of Keras's that applies one operation to inputs `a` and `b` of shape [2, 3]. */
const modelOf = (className: string, options: object, args: readonly unknown[], module = 'keras.src.ops.numpy') => ({
  module: 'keras.src.models.functional',
  class_name: 'Functional',
  config: {
    name: 'ops',
    trainable: true,
    layers: [
      ...['a', 'b'].map((name) => ({
        module: 'keras.layers',
        class_name: 'InputLayer',
        config: { batch_shape: [null, 2, 3], dtype: 'float32', sparse: false, ragged: false, name, optional: false },
        registered_name: null,
        name,
        inbound_nodes: [],
      })),
      {
        module,
        class_name: className,
        config: { name: 'op', ...options },
        registered_name: className,
        name: 'op',
        inbound_nodes: [{ args, kwargs: {} }],
      },
    ],
    input_layers: [
      ['a', 0, 0],
      ['b', 0, 0],
    ],
    output_layers: ['op', 0, 0],
  },
  registered_name: 'Functional',
  build_config: { input_shape: null },
  compile_config: {},
})

const [a, b] = [history('a'), history('b')]
const x = [0.5, -1, 2, 0, 1.5, -0.25, 3, 1, -2, 0.75, -0.5, 0.25]
const y = [1, 2, -1, 0.5, 1.5, -0.25, 2, -1, 4, 0.75, 1, 3]
type Row = [className: string, options: object, args: readonly unknown[], expected: readonly number[]]
const pairs = (f: (x: number, y: number) => number) => x.map((value, i) => f(value, y[i]))
/** The rows [2, 3] of x, each made into other numbers. */
const samples = (f: (rows: number[][]) => number[]) =>
  [0, 6].flatMap((at) => f([x.slice(at, at + 3), x.slice(at + 3, at + 6)]))
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
const numpy = { class_name: '__numpy__', config: { value: [10, 20, 30], dtype: 'float32' } }

const rows: readonly Row[] = [
  ['Add', {}, [a, b], pairs((p, q) => p + q)],
  ['Subtract', {}, [1, a], x.map((p) => 1 - p)],
  ['Multiply', {}, [a, numpy], x.map((p, i) => p * 10 * ((i % 3) + 1))],
  ['TrueDivide', {}, [a, b], pairs((p, q) => p / q)],
  ['Power', {}, [a, 2], x.map((p) => p * p)],
  ['Maximum', {}, [a, b], pairs(Math.max)],
  ['NotEqual', {}, [a, b], pairs((p, q) => Number(p !== q))],
  ['LogicalAnd', {}, [a, b], pairs((p, q) => Number(p !== 0 && q !== 0))],
  ['Where', {}, [a, b, 7], pairs((p, q) => (p !== 0 ? q : 7))],
  ['Clip', { x_min: -0.5, x_max: 1 }, [a], x.map((p) => Math.min(1, Math.max(-0.5, p)))],
  ['Mean', { axis: -1, keepdims: false }, [a], samples((r) => r.map((row) => sum(row) / 3))],
  ['Sum', { axis: null, keepdims: false }, [a], [sum(x)]],
  [
    'Std',
    { axis: [1, 2], keepdims: false },
    [a],
    samples((r) => [Math.sqrt(sum(r.flat().map((p) => (p - sum(r.flat()) / 6) ** 2)) / 6)]),
  ],
  ['Argmax', { axis: 2, keepdims: false }, [a], samples((r) => r.map((row) => row.indexOf(Math.max(...row))))],
  [
    'Any',
    { axis: 1, keepdims: false },
    [a],
    samples((r) => [0, 1, 2].map((i) => Number(r[0][i] !== 0 || r[1][i] !== 0))),
  ],
  ['Transpose', { axes: [0, 2, 1] }, [a], samples((r) => [0, 1, 2].flatMap((i) => [r[0][i], r[1][i]]))],
  ['Swapaxes', { axis1: 1, axis2: -1 }, [a], samples((r) => [0, 1, 2].flatMap((i) => [r[0][i], r[1][i]]))],
  ['Reshape', { newshape: [-1, 6] }, [a], x],
  ['ExpandDims', { axis: 1 }, [a], x],
  ['Concatenate', { axis: 1 }, [[a, b]], [...x.slice(0, 6), ...y.slice(0, 6), ...x.slice(6), ...y.slice(6)]],
  ['Stack', { axis: -1 }, [[a, b]], x.flatMap((p, i) => [p, y[i]])],
  [
    'Einsum',
    { subscripts: 'bij,bij->bi' },
    [a, b],
    [0, 3, 6, 9].map((at) => sum([0, 1, 2].map((i) => x[at + i] * y[at + i]))),
  ],
  ['GetItem', {}, [a, [slice(null, null), 1, slice(null, 2)]], samples((r) => r[1].slice(0, 2))],
  ['GetItem', {}, [a, [ellipsis, slice(null, null, -1)]], samples((r) => r.flatMap((row) => [...row].reverse()))],
  ['GetItem', {}, [a, [slice(null, null), -1, null]], samples((r) => r[1])],
]

const close = (actual: readonly number[], expected: readonly number[], what: string) => {
  assert.is(actual.length, expected.length, what)
  actual.forEach((value, i) => {
    assert.ok(
      Math.abs(value - expected[i]) <= 1e-5 * Math.max(1, Math.abs(expected[i])),
      `${what}[${i}]: ${value}, not ${expected[i]}`,
    )
  })
}

for (const [className, options, args, expected] of rows)
  test(`${className} ${JSON.stringify(options)}: computes, is written back, and runs in onnxruntime-web`, async () => {
    const json = modelOf(className, options, args)
    const net = modelFromJSON(JSON.stringify(json))
    const written = JSON.parse(JSON.stringify(net))
    assert.equal(written.config.layers.at(-1), json.config.layers.at(-1))
    const [p, q] = [x, y].map((data) => new Tensor('float32', data, [2, 2, 3]))
    const output = (await net.predict([p, q])) as Tensor
    close(output.toNumbers().map(Number), expected, className)
    const session = await ort.InferenceSession.create(net.toOnnx())
    const feeds = { a: new ort.Tensor('float32', x, [2, 2, 3]), b: new ort.Tensor('float32', y, [2, 2, 3]) }
    const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)))
    const { data } = (await session.run(used))[session.outputNames[0]]
    close(Array.from(data as Float32Array, Number), expected, `${className} in ONNX`)
    net.dispose()
  })

test('activations as operations, with their options', async () => {
  const of = async (className: string, options: object) => {
    const net = modelFromJSON(modelOf(className, options, [a], 'keras.src.ops.nn'))
    const [p, q] = [x, y].map((data) => new Tensor('float32', data, [2, 2, 3]))
    return ((await net.predict([p, q])) as Tensor).toNumbers()
  }
  close(
    await of('Relu', {}),
    x.map((p) => Math.max(p, 0)),
    'relu',
  )
  close(
    await of('LeakyRelu', { negative_slope: 0.3 }),
    x.map((p) => (p < 0 ? 0.3 * p : p)),
    'leaky relu',
  )
  const softmax = (row: number[]) => row.map((p) => Math.exp(p) / sum(row.map(Math.exp)))
  close(
    await of('Softmax', { axis: -1 }),
    samples((r) => r.flatMap(softmax)),
    'softmax',
  )
})

/** dense(a) + a as an operation, of which the last two columns are halved. */
const mixed = () => {
  const tensorOf = (name: string) => ({
    ...history(name),
    config: { ...history(name).config, keras_history: [name, 0, 0] },
  })
  const operation = (className: string, name: string, args: readonly unknown[]) => ({
    module: 'keras.src.ops.numpy',
    class_name: className,
    config: { name },
    registered_name: className,
    name,
    inbound_nodes: [{ args, kwargs: {} }],
  })
  const json = modelOf('Add', {}, [a, b])
  const [first] = json.config.layers
  const dense = {
    module: 'keras.layers',
    class_name: 'Dense',
    config: { name: 'dense', trainable: true, dtype: 'float32', units: 3, activation: 'tanh' },
    registered_name: null,
    name: 'dense',
    inbound_nodes: [{ args: [a], kwargs: {} }],
  }
  const layers = [
    first,
    dense,
    operation('Add', 'add', [tensorOf('dense'), a]),
    operation('GetItem', 'get_item', [tensorOf('add'), [ellipsis, slice(1, null)]]),
    operation('TrueDivide', 'halves', [tensorOf('get_item'), 2]),
  ]
  return {
    ...json,
    config: { ...json.config, layers, input_layers: ['a', 0, 0], output_layers: ['halves', 0, 0] },
  }
}

test('a model with operations goes through .keras and .h5; Keras writes them to .h5 without their modules', async () => {
  const net = modelFromJSON(mixed())
  const input = new Tensor('float32', x, [2, 2, 3])
  const numbers = async (model: typeof net) => ((await model.predict(input)) as Tensor).toNumbers()
  const expected = await numbers(net)
  for (const name of ['net.keras', 'net.h5']) {
    const copy = await loadKeras((await net.toFiles(name))[name])
    assert.equal(await numbers(copy), expected, name)
    assert.equal(copy.toJSON(), net.toJSON(), name)
    copy.dispose()
  }
  const bare = JSON.parse(JSON.stringify(net), (_, value) => {
    if (typeof value !== 'object' || value === null || !('inbound_nodes' in value)) return value
    const { module: _module, registered_name: _name, ...kept } = value
    return kept
  })
  const copy = modelFromJSON(modernLayer(bare))
  copy.setWeights(net.getWeights())
  assert.equal(await numbers(copy), expected)
  assert.equal(copy.toJSON(), net.toJSON())
  try {
    await net.toFiles('model.json')
    assert.unreachable()
  } catch (error) {
    assert.instance(error, LanewiseError)
    assert.match(
      (error as Error).message,
      /'add' is Keras's operation Add, which layers models of TensorFlow\.js cannot/,
    )
  }
  for (const each of [net, copy]) each.dispose()
})

test('an operation that is not known is refused', () => {
  try {
    modelFromJSON(modelOf('Bincount', {}, [a]))
    assert.unreachable()
  } catch (error) {
    assert.instance(error, LanewiseError)
    assert.match(
      (error as Error).message,
      /operation 'Bincount' \(keras\.src\.ops\.numpy\) is not supported; supported: /,
    )
  }
})

test.run()
