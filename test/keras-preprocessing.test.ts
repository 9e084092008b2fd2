import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { input, layers, model, optimizers, sequential } from '../src/keras/index.js'
import { fails } from './support/errors.js'
import { agreesInOnnx, around, far, normals, predictions, survivesJson, values } from './support/layers.js'

const ints = (dims: readonly number[], ...data: number[]) => new Tensor('int32', data, dims)

test('rescaling of floats and of bytes, by one number or one for each channel', async () => {
  const x = normals(2, 3, 2)
  const net = around(layers.rescaling({ scale: [2, 3], offset: -1 }), [[3, 2]])
  const expected = values(x).map((value, i) => value * (i % 2 ? 3 : 2) - 1)
  assert.ok(far(values((await predictions(net, [x]))[0]), expected) < 1e-6)
  await agreesInOnnx(net, [x])
  await survivesJson(net, [x])
  const image = input({ shape: [2], dtype: 'uint8' })
  const bytes = model({ inputs: image, outputs: layers.rescaling({ scale: 1 / 255 }).apply(image) })
  const [y] = await predictions(bytes, [new Tensor('uint8', [0, 51, 102, 255], [2, 2])])
  assert.ok(far(values(y), [0, 0.2, 0.4, 1]) < 1e-6)
  for (const one of [net, bytes]) one.dispose()
})

/** Means and variances of the columns of a table, in two passes. */
const statistics = (rows: readonly (readonly number[])[]) =>
  rows[0].map((_, i) => {
    const column = rows.map((row) => row[i])
    const mean = column.reduce((a, b) => a + b, 0) / column.length
    return { mean, variance: column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length }
  })

test('normalization adapts to all samples at once, or to batches', async () => {
  const data = normals(50, 4, 3)
  const all = values(data).map((value, i) => 3 * value + (i % 3))
  const table = new Tensor('float32', all, [50, 4, 3])
  const rows = Array.from({ length: 200 }, (_, i) => all.slice(3 * i, 3 * i + 3))
  const columns = statistics(rows)
  const normal = all.map((value, i) => (value - columns[i % 3].mean) / Math.sqrt(columns[i % 3].variance))
  const whole = layers.normalization()
  await whole.adapt(table)
  const batched = layers.normalization()
  await batched.adapt(
    (async function* () {
      for (const [from, to] of [
        [0, 7],
        [7, 30],
        [30, 50],
      ])
        yield new Tensor('float32', all.slice(12 * from, 12 * to), [to - from, 4, 3])
    })(),
  )
  const inverse = layers.normalization({ invert: true })
  await inverse.adapt(table)
  for (const layer of [whole, batched]) {
    const net = around(layer, [[4, 3]])
    assert.ok(far(values((await predictions(net, [table]))[0]), normal) < 1e-4)
    await agreesInOnnx(net, [table], 1e-4)
    await survivesJson(net, [table])
    net.dispose()
  }
  const back = around(inverse, [[4, 3]])
  const [y] = await predictions(back, [new Tensor('float32', normal, [50, 4, 3])])
  assert.ok(far(values(y), all) < 1e-4)
  back.dispose()
  assert.equal(
    whole.weights.map(({ name, dtype }) => [name, dtype]),
    [
      ['normalization/mean', 'float32'],
      ['normalization/variance', 'float32'],
      ['normalization/count', 'int32'],
    ],
  )
})

test('normalization over several axes, over none, and by given statistics', async () => {
  const x = normals(20, 2, 3)
  const all = values(x)
  const each = layers.normalization({ axis: [1, 2] })
  await each.adapt(x)
  const columns = statistics(Array.from({ length: 20 }, (_, i) => all.slice(6 * i, 6 * i + 6)))
  const one = layers.normalization({ axis: null })
  await one.adapt(x)
  const [total] = statistics(all.map((value) => [value]))
  const given = layers.normalization({ mean: [1, 2, 3], variance: [4, 9, 16] })
  const cases = [
    [each, (value: number, i: number) => (value - columns[i % 6].mean) / Math.sqrt(columns[i % 6].variance)],
    [one, (value: number) => (value - total.mean) / Math.sqrt(total.variance)],
    [given, (value: number, i: number) => (value - ((i % 3) + 1)) / ((i % 3) + 2)],
  ] as const
  for (const [layer, formula] of cases) {
    const net = around(layer, [[2, 3]])
    assert.ok(far(values((await predictions(net, [x]))[0]), all.map(formula)) < 1e-4)
    await agreesInOnnx(net, [x], 1e-4)
    await survivesJson(net, [x])
    net.dispose()
  }
  assert.equal(one.getConfig().axis, [])
  await fails(() => given.adapt(x), /has a given mean and variance/)
  await fails(() => around(layers.normalization({ mean: 1 }), [[3]]), /needs both mean and variance/)
  await fails(() => each.adapt(normals(4, 3, 3)), /keeps statistics of shape \[2, 3\], the data has \[4, 3, 3\]/)
})

test('categoryEncoding: rows of ones, marks, counts and weighed counts', async () => {
  const x = ints([2, 4], 0, 2, 2, 1, 3, 3, 3, 0)
  const token = input({ shape: [4], dtype: 'int32' })
  const weight = input({ shape: [4] })
  const make = (outputMode: 'one_hot' | 'multi_hot' | 'multiHot' | 'count') =>
    layers.categoryEncoding({ numTokens: 4, outputMode })
  const net = model({
    inputs: [token, weight],
    outputs: [
      make('one_hot').apply(token),
      make('multiHot').apply(token),
      make('count').apply(token),
      make('count').apply(token, { countWeights: weight }),
    ],
  })
  const by = [1, 2, 3, 4, 5, 6, 7, 8]
  const feeds = [x, new Tensor('float32', by, [2, 4])]
  const [hot, marks, counts, weighed] = await predictions(net, feeds)
  const rows = [
    [0, 2, 2, 1],
    [3, 3, 3, 0],
  ]
  const classes = [0, 1, 2, 3]
  const flags = rows.map((row) => row.map((item) => classes.map((other) => Number(other === item))))
  assert.equal([hot.dims, values(hot)], [[2, 4, 4], flags.flat(2)])
  const count = rows.map((row) => classes.map((other) => row.filter((item) => item === other).length))
  assert.equal(values(counts), count.flat())
  assert.equal(
    values(marks),
    count.flat().map((number) => Number(number > 0)),
  )
  const sums = rows.map((row, n) =>
    classes.map((other) => row.reduce((sum, item, i) => sum + (item === other ? by[4 * n + i] : 0), 0)),
  )
  assert.equal(values(weighed), sums.flat())
  await agreesInOnnx(net, feeds)
  await survivesJson(net, feeds)
  net.dispose()
  const column = input({ shape: [1], dtype: 'int32' })
  const single = model({ inputs: column, outputs: make('one_hot').apply(column) })
  assert.equal(
    (await predictions(single, [ints([3, 1], 1, 0, 9)]))[0].data,
    Float32Array.of(0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
  )
  single.dispose()
  // @ts-expect-error as plain JavaScript may
  await fails(() => make('int'), /outputMode must be one of multi_hot, one_hot, count, got 'int'/)
  await fails(
    () => make('one_hot').apply(token, { countWeights: weight }),
    /countWeights in the output mode 'count' only/,
  )
})

test('discretization by given boundaries', async () => {
  const x = new Tensor('float32', [-1, 0, 0.5, 1, 3, 2.999], [2, 3])
  const bins = [0, 1, 1, 2, 3, 2]
  const net = around(layers.discretization({ binBoundaries: [0, 1, 3] }), [[3]])
  const [y] = await predictions(net, [x])
  assert.equal([y.type, values(y)], ['int32', bins])
  await survivesJson(net, [x])
  const hot = around(layers.discretization({ binBoundaries: [0, 1, 3], outputMode: 'one_hot' }), [[3]])
  assert.equal(
    values((await predictions(hot, [x]))[0]),
    bins.flatMap((bin) => [0, 1, 2, 3].map((other) => Number(other === bin))),
  )
  await agreesInOnnx(hot, [x])
  for (const one of [net, hot]) one.dispose()
  await fails(
    () => layers.discretization({ binBoundaries: [2, 1] }),
    /binBoundaries must be a list of increasing numbers/,
  )
  await fails(() => around(layers.discretization({ numBins: 3 }), [[3]]), /call adapt first/)
})

test('discretization adapts to bins of about as many elements each', async () => {
  const layer = layers.discretization({ numBins: 5 })
  const data = normals(2000)
  await layer.adapt(data)
  const boundaries = layer.binBoundaries!
  assert.is(boundaries.length, 4)
  const counts = [0, 0, 0, 0, 0]
  for (const value of values(data)) counts[boundaries.filter((boundary) => boundary <= value).length]++
  for (const count of counts) assert.ok(Math.abs(count - 400) <= 2000 * 0.02, `${counts}`)
  // The example of Keras's documentation of `adapt`.
  const small = layers.discretization({ numBins: 4, epsilon: 0.01 })
  await small.adapt(new Tensor('float32', [-1.5, 1, 3.4, 0.5, 0, 3, 1.3, 0], [2, 4]))
  const net = around(small, [[4]])
  const x = new Tensor('float32', [-1.5, 1, 3.4, 0.5, 0, 3, 1.3, 0], [2, 4])
  assert.equal(values((await predictions(net, [x]))[0]), [0, 2, 3, 2, 1, 3, 3, 1])
  await survivesJson(net, [x])
  assert.not.ok('trainable' in small.getConfig())
  net.dispose()
})

test('what a layer adapts to anew, predictions and trainings after it see', async () => {
  const bins = layers.discretization({ numBins: 2, outputMode: 'one_hot', inputShape: [1] })
  await bins.adapt([[0], [2], [4], [6]])
  const net = sequential([bins, layers.dense({ units: 1, useBias: false, kernelInitializer: 'zeros' })])
  net.compile({ optimizer: optimizers.sgd({ learningRate: 1 }), loss: 'meanSquaredError' })
  const fit = () => net.fit([[4]], [[1]], { verbose: 0 })
  const weights = async () => (await net.weights[0].read()).toNumbers()
  const places = sequential([bins])
  assert.equal((await places.predict([[4]])).toNumbers(), [0, 1])
  await fit()
  assert.equal(await weights(), [0, 2])
  await bins.adapt([[0], [20], [40], [60]])
  assert.equal((await places.predict([[4]])).toNumbers(), [1, 0])
  await fit()
  assert.equal(await weights(), [2, 2])
  net.dispose()
  places.dispose()
})

test.run()
