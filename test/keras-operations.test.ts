import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError, loadKeras, loadLayers, modelFromJSON, Tensor } from '../src/index.js'
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

const numbers = (value: readonly number[]) => ({ class_name: '__numpy__', config: { value, dtype: 'int32' } })
const perRow = (f: (row: number[]) => number[]) => samples((r) => r.flatMap(f))
const perColumn = (f: (column: number[]) => number[]) =>
  samples((r) => {
    const columns = [0, 1, 2].map((i) => f([r[0][i], r[1][i]]))
    return columns[0].flatMap((_, k) => columns.map((column) => column[k]))
  })
const halfOf = { class_name: '__numpy__', config: { value: 0.25, dtype: 'float32' } }
const [linalg, nn, math, core] = ['linalg', 'nn', 'math', 'core'].map((name) => `keras.src.ops.${name}`)

/** Those that come with `loadLayers`, with the module of their class. */
const rarer: readonly (readonly [...Row, module?: string])[] = [
  ['Tan', {}, [a], x.map(Math.tan)],
  ['Arctan', {}, [a], x.map(Math.atan)],
  ['Sinh', {}, [a], x.map(Math.sinh)],
  ['Cosh', {}, [a], x.map(Math.cosh)],
  ['Arcsinh', {}, [a], x.map(Math.asinh)],
  ['Deg2rad', {}, [a], x.map((p) => (p * Math.PI) / 180)],
  ['Rad2deg', {}, [a], x.map((p) => (p * 180) / Math.PI)],
  ['Expm1', {}, [a], x.map(Math.expm1)],
  ['Exp2', {}, [a], x.map((p) => 2 ** p)],
  ['Round', { decimals: 0 }, [a], [0, -1, 2, 0, 2, -0, 3, 1, -2, 1, -0, 0]],
  ['Round', { decimals: 1 }, [b], y.map((p) => (p === -0.25 ? -0.2 : p === 0.75 ? 0.8 : p))],
  ['Trunc', {}, [a], x.map(Math.trunc)],
  ['Isnan', {}, [a], x.map(() => 0)],
  ['Isfinite', {}, [a], x.map(() => 1)],
  ['Mod', {}, [a, b], pairs((p, q) => p - Math.floor(p / q) * q)],
  ['FloorDivide', {}, [a, b], pairs((p, q) => Math.floor(p / q))],
  ['DivideNoNan', {}, [b, a], pairs((p, q) => (p === 0 ? 0 : q / p))],
  ['Hypot', {}, [a, b], pairs(Math.hypot)],
  ['Logaddexp', {}, [a, b], pairs((p, q) => Math.log(Math.exp(p) + Math.exp(q)))],
  ['LogicalXor', {}, [a, b], pairs((p, q) => Number((p !== 0) !== (q !== 0)))],
  ['ZerosLike', { dtype: null }, [a], x.map(() => 0)],
  ['OnesLike', { dtype: null }, [a], x.map(() => 1)],
  ['FullLike', { dtype: null }, [a, halfOf], x.map(() => 0.25)],
  ['Flip', { axis: 2 }, [a], perRow((r) => [...r].reverse())],
  ['Flip', { axis: [1, 2] }, [a], samples((r) => r.flat().reverse())],
  ['Roll', { shift: 1, axis: 2 }, [a], perRow(([p, q, r]) => [r, p, q])],
  ['Roll', { shift: -1, axis: -1 }, [a], perRow(([p, q, r]) => [q, r, p])],
  ['Tile', { repeats: [1, 1, 2] }, [a], perRow((r) => [...r, ...r])],
  ['Tile', { repeats: 2 }, [a], perRow((r) => [...r, ...r])],
  ['Repeat', { repeats: 2, axis: -1 }, [a], perRow((r) => r.flatMap((p) => [p, p]))],
  ['Repeat', { repeats: [1, 2], axis: 1 }, [a], samples((r) => [...r[0], ...r[1], ...r[1]])],
  ['Moveaxis', { source: 2, destination: 1 }, [a], samples((r) => [0, 1, 2].flatMap((i) => [r[0][i], r[1][i]]))],
  ['Ravel', {}, [a], x],
  ['Hstack', {}, [[a, b]], [...x.slice(0, 6), ...y.slice(0, 6), ...x.slice(6), ...y.slice(6)]],
  ['Split', { indices_or_sections: 3, axis: 2 }, [a], perRow(([p]) => [p])],
  ['Split', { indices_or_sections: [2], axis: -1 }, [a], perRow(([p, q]) => [p, q])],
  ['Unstack', { num: null, axis: 1 }, [a], samples((r) => r[0]), core],
  [
    'Pad',
    {
      pad_width: [
        [0, 0],
        [0, 0],
        [1, 2],
      ],
      mode: 'constant',
    },
    [a],
    perRow((r) => [0, ...r, 0, 0]),
  ],
  [
    'Pad',
    {
      pad_width: [
        [0, 0],
        [0, 0],
        [1, 1],
      ],
      mode: 'reflect',
    },
    [a],
    perRow(([p, q, r]) => [q, p, q, r, q]),
  ],
  ['Take', { axis: -1 }, [a, numbers([2, 0])], perRow(([p, _, r]) => [r, p])],
  ['Take', { axis: 2 }, [a, [1, -1]], perRow(([_, q, r]) => [q, r])],
  [
    'OneHot',
    { num_classes: 3, axis: -1, dtype: 'float32' },
    [a],
    x.flatMap((p) => [0, 1, 2].map((k) => Number(Math.trunc(p) === k))),
    nn,
  ],
  ['Cumsum', { axis: 2, dtype: null }, [a], perRow(([p, q, r]) => [p, p + q, p + q + r])],
  ['Diff', { n: 1, axis: -1 }, [a], perRow(([p, q, r]) => [q - p, r - q])],
  ['Tril', { k: 0 }, [a], samples((r) => [r[0][0], 0, 0, r[1][0], r[1][1], 0])],
  ['Triu', { k: 1 }, [a], samples((r) => [0, r[0][1], r[0][2], 0, 0, r[1][2]])],
  ['Sort', { axis: -1 }, [a], perRow((r) => [...r].sort((p, q) => p - q))],
  ['Sort', { axis: 1 }, [a], perColumn((c) => [...c].sort((p, q) => p - q))],
  ['Argsort', { axis: -1 }, [a], perRow((r) => [0, 1, 2].sort((p, q) => r[p] - r[q]))],
  ['TopK', { k: 2, sorted: true }, [a], perRow((r) => [...r].sort((p, q) => q - p).slice(0, 2)), math],
  ['CountNonzero', { axis: [1, 2] }, [a], samples((r) => [r.flat().filter((p) => p !== 0).length])],
  ['Ptp', { axis: -1, keepdims: false }, [a], perRow((r) => [Math.max(...r) - Math.min(...r)])],
  ['Moments', { axes: [2], keepdims: false }, [a], perRow((r) => [sum(r) / 3]), nn],
  ['Norm', { ord: null, axis: -1, keepdims: false }, [a], perRow((r) => [Math.hypot(...r)]), linalg],
  ['Norm', { ord: 1, axis: 2, keepdims: true }, [a], perRow((r) => [sum(r.map(Math.abs))]), linalg],
  [
    'Norm',
    { ord: 3, axis: 2, keepdims: true },
    [a],
    perRow((r) => [Math.cbrt(sum(r.map((p) => Math.abs(p) ** 3)))]),
    linalg,
  ],
  ['Normalize', { axis: -1, order: 2, epsilon: null }, [a], perRow((r) => r.map((p) => p / Math.hypot(...r))), nn],
  ['Normalize', { axis: 2, order: 1, epsilon: 1e-3 }, [a], perRow((r) => r.map((p) => p / sum(r.map(Math.abs)))), nn],
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

test('rarer operations come with loadLayers', async () => {
  const rare = modelOf('Tan', {}, [a])
  assert.throws(
    () => modelFromJSON(rare),
    /operation 'Tan' .* is not supported; .*; rarer ones once loadLayers\(\) has come/,
  )
  await loadLayers()
  modelFromJSON(rare).dispose()
})

for (const [className, options, args, expected, module] of [...rows, ...rarer])
  test(`${className} ${JSON.stringify(options)}: computes, is written back, and runs in onnxruntime-web`, async () => {
    const json = modelOf(className, options, args, module)
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

/** What an operation makes of single numbers. */
const ofNumbers = async (className: string, options: object, args: readonly unknown[], p: readonly number[], q = p) => {
  const net = modelFromJSON(modelOf(className, options, args))
  const output = await net.predict([new Tensor('float32', p, [2, 2, 3]), new Tensor('float32', q, [2, 2, 3])])
  net.dispose()
  return (output as Tensor).toNumbers().map(Number)
}

test('log1p keeps the digits of small numbers, and logaddexp those of far ones', async () => {
  const small = [1e-7, -1e-7, 1e-4, -0.3, 0.49, 0.51, -0.49, -0.51, -0.9, 7, 1e6, 1e30].map(Math.fround)
  const isNear = (actual: number, expected: number) => assert.ok(Math.abs(actual / expected - 1) < 1e-6, `${actual}`)
  for (const [i, value] of (await ofNumbers('Log1p', {}, [a], small)).entries()) isNear(value, Math.log1p(small[i]))
  const sums = await ofNumbers(
    'Logaddexp',
    {},
    [a, b],
    small,
    small.map((p) => p + 200),
  )
  for (const [i, value] of sums.entries()) isNear(value, small[i] + 200)
})

test('operations on other ranges of numbers', async () => {
  const shares = x.map((p) => p / 4)
  const positive = y.map((p) => Math.abs(p) + 1)
  const wild = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, -1, 0, 5, 6, 7, 8, 9, 10]
  const most = Math.fround(3.4028234663852886e38)
  const cases: readonly (readonly [string, object, readonly number[], (p: number) => number])[] = [
    ['Arcsin', {}, shares, Math.asin],
    ['Arccos', {}, shares, Math.acos],
    ['Arctanh', {}, shares, Math.atanh],
    ['Arccosh', {}, positive, Math.acosh],
    ['Log2', {}, positive, Math.log2],
    ['Log10', {}, positive, Math.log10],
    ['Isnan', {}, wild, (p) => Number(Number.isNaN(p))],
    ['Isfinite', {}, wild, (p) => Number(Number.isFinite(p))],
    ['Isinf', {}, wild, (p) => Number(Math.abs(p) === Number.POSITIVE_INFINITY)],
    [
      'NanToNum',
      { nan: 2, posinf: 3, neginf: null },
      wild,
      (p) => (Number.isNaN(p) ? 2 : p > 10 ? 3 : Math.max(p, -most)),
    ],
    ['ZerosLike', { dtype: 'int32' }, wild, () => 0],
  ]
  for (const [name, options, input, of] of cases) close(await ofNumbers(name, options, [a], input), input.map(of), name)
})

test('operations on images: grey ones and other sizes', async () => {
  const image = (className: string, options: object) => {
    const json = JSON.stringify(modelOf(className, options, [a], 'keras.src.ops.image'))
    return modelFromJSON(json.replaceAll('[null,2,3]', '[null,2,2,3]'))
  }
  const pixels = new Tensor('float32', x, [1, 2, 2, 3])
  const grey = image('RGBToGrayscale', { data_format: null })
  const [shades] = [(await grey.predict([pixels, pixels])) as Tensor]
  assert.equal(shades.dims, [1, 2, 2, 1])
  close(
    shades.toNumbers().map(Number),
    [0, 3, 6, 9].map((at) => 0.2989 * x[at] + 0.587 * x[at + 1] + 0.114 * x[at + 2]),
    'grey',
  )
  const large = image('Resize', { size: [4, 4], interpolation: 'nearest', data_format: 'channels_last' })
  const grown = ((await large.predict([pixels, pixels])) as Tensor).toNumbers().map(Number)
  const places = [0, 1, 2, 3].flatMap((v) =>
    [0, 1, 2, 3].flatMap((u) => [0, 1, 2].map((c) => ((v >> 1) * 2 + (u >> 1)) * 3 + c)),
  )
  assert.equal(
    grown,
    places.map((place) => x[place]),
  )
  for (const net of [grey, large]) net.dispose()
})

test('all outputs of an operation, and what is not there', async () => {
  const several = modelOf('TopK', { k: 2, sorted: true }, [a], math)
  const outputs = [
    ['op', 0, 0],
    ['op', 0, 1],
  ]
  const net = modelFromJSON({ ...several, config: { ...several.config, output_layers: outputs } } as never)
  const [largest, places] = (await net.predict(
    [x, y].map((data) => new Tensor('float32', data, [2, 2, 3])),
  )) as unknown as Tensor[]
  const order = perRow((r) => [0, 1, 2].sort((p, q) => r[q] - r[p]).slice(0, 2))
  assert.equal(places.toNumbers().map(Number), order)
  assert.equal(
    largest.toNumbers().map(Number),
    order.map((place, i) => x[3 * (i >> 1) + place]),
  )
  net.dispose()
  assert.throws(
    () => modelFromJSON(modelOf('Pad', { pad_width: 1, mode: 'symmetric' }, [a])),
    /pad has the modes constant, reflect, edge/,
  )
  assert.throws(
    () => modelFromJSON(modelOf('Norm', { ord: 1, axis: [1, 2], keepdims: false }, [a], linalg)),
    /a norm of order 1/,
  )
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
