import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { Dataset } from '../src/data/dataset.js'
import { fromArrays, fromGenerator } from '../src/data/sources.js'
import { callbacks, layers, type Model, optimizers, sequential, setRandomSeed } from '../src/keras/index.js'
import { refusal } from './support/errors.js'

const count = (size: number) => new Dataset(() => Array.from({ length: size }, (_, i) => i), size)
const matrix = (rows: number, columns: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
    [rows, columns],
  )

test('elements of arrays, with weights, lists and names', async () => {
  const x = matrix(3, 2)
  const [first] = await fromArrays(x, [4, 5, 6], [0.5, 1, 2]).toArray()
  assert.equal([first[0].dims, [...(first[0].data as Float32Array)]], [[2], [0, Math.fround(Math.sin(1))]])
  assert.equal(first.slice(1), [4, 0.5])
  const named = fromArrays({ a: x, b: [7, 8, 9] }, new Tensor('int32', Int32Array.of(1, 2, 3), [3])).batch(2)
  const [{ 0: inputs, 1: targets }] = await named.toArray()
  const { a, b } = inputs as unknown as Record<string, Tensor>
  assert.equal([a.dims, b.dims, b.toNumbers(), targets.type, targets.dims], [[2, 2], [2], [7, 8], 'int32', [2]])
  assert.match(await refusal(() => fromArrays(x, [1, 2])), /as many samples/)
})

test('batch stacks what is alike, and says what is not', async () => {
  const batches = await count(5).batch(2).toArray()
  assert.equal(
    batches.map((batch) => [batch.type, batch.toNumbers()]),
    [
      ['float32', [0, 1]],
      ['float32', [2, 3]],
      ['float32', [4]],
    ],
  )
  assert.is(count(5).batch(2).size, 3)
  assert.is(count(5).batch(2, { dropRemainder: true }).size, 2)
  assert.is((await count(5).batch(2, { dropRemainder: true }).toArray()).length, 2)
  const odd = new Dataset(() => [{ x: matrix(1, 2) }, { x: matrix(1, 3) }]).batch(2)
  assert.match(await refusal(() => odd.toArray()), /alike at x: element 0 is float32 \[1, 2\], element 1 is .*\[1, 3\]/)
  const vectors = new Dataset(() => [[[1, 2], 3] as const, [[4, 5], 6] as const]).batch(2)
  const [[inputs, targets]] = await vectors.toArray()
  assert.equal(
    [inputs.dims, inputs.toNumbers(), targets.toNumbers()],
    [
      [2, 2],
      [1, 2, 4, 5],
      [3, 6],
    ],
  )
  const texts = new Dataset(() => ['a', 'b']).batch(2)
  assert.equal((await texts.toArray())[0].data, ['a', 'b'])
  assert.match(await refusal(() => count(3).batch(0)), /a batch size must be/)
})

test('map, filter, take, skip and repeat', async () => {
  const doubled = count(6).map((value) => 2 * value)
  assert.equal(await doubled.toArray(), [0, 2, 4, 6, 8, 10])
  assert.equal(await doubled.skip(1).take(2).toArray(), [2, 4])
  assert.is(doubled.skip(4).take(5).size, 2)
  assert.equal(
    await count(6)
      .filter((value) => value % 2 === 1)
      .toArray(),
    [1, 3, 5],
  )
  const byEpoch = fromGenerator(async function* (epoch: number) {
    yield 10 * epoch
    yield 10 * epoch + 1
  })
  assert.equal(await byEpoch.repeat(2).toArray(1), [20, 21, 30, 31])
  assert.equal(await byEpoch.repeat().take(5).toArray(), [0, 1, 10, 11, 20])
  assert.is(count(3).repeat().size, Number.POSITIVE_INFINITY)
  assert.is(count(3).repeat(4).batch(5).size, 3)
  assert.equal(await count(0).repeat().toArray(), [], 'nothing, without end, is nothing')
})

test('a shuffle of each epoch is the same for a seed, and every element comes once', async () => {
  const shuffled = (seed: number, buffer: number) => count(50).shuffle(buffer, { seed })
  for (const buffer of [1, 7, 50, 100]) {
    const [first, second] = [await shuffled(3, buffer).toArray(0), await shuffled(3, buffer).toArray(1)]
    assert.equal(
      [...first].sort((a, b) => a - b),
      await count(50).toArray(),
    )
    assert.equal(await shuffled(3, buffer).toArray(1), second)
    if (buffer === 1) assert.equal(first, await count(50).toArray())
    else {
      assert.not.equal(first, second)
      assert.not.equal(await shuffled(4, buffer).toArray(0), first)
      // An element comes at most a buffer's length before its place.
      assert.ok(first.every((value, place) => value - place < buffer))
    }
  }
  const same = count(50).shuffle(50, { seed: 1, reshuffleEachIteration: false })
  assert.equal(await same.toArray(0), await same.toArray(5))
})

test('a full shuffle gives every place to every element alike', async () => {
  const tally = Array.from({ length: 4 }, () => [0, 0, 0, 0])
  const shuffled = count(4).shuffle(4, { seed: 9 })
  const rounds = 4000
  for (let epoch = 0; epoch < rounds; epoch++)
    (await shuffled.toArray(epoch)).forEach((value, place) => {
      tally[value][place]++
    })
  // Chi-squared of 9 degrees of freedom: above 33.7 with a probability of 0.0001.
  const expected = rounds / 4
  const chi = tally.flat().reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0)
  assert.ok(chi < 33.7, `chi-squared ${chi}`)
})

test('map has random numbers of its own for each element, and runs calls at once in order', async () => {
  const noisy = () =>
    count(4).map((value, { random, index, epoch }) => [value, index, epoch, random.uint32()], { seed: 8 })
  const [first, second] = [await noisy().toArray(0), await noisy().toArray(1)]
  assert.equal(await noisy().toArray(1), second)
  assert.is(new Set([...first, ...second].map(([, , , draw]) => draw)).size, 8)
  let running = 0
  let most = 0
  const slow = count(12).map(
    async (value) => {
      most = Math.max(most, ++running)
      await new Promise((done) => setTimeout(done, value % 3))
      running--
      return value
    },
    { parallel: 4 },
  )
  assert.equal(await slow.toArray(), await count(12).toArray())
  assert.is(most, 4)
})

test('prefetch reads ahead, and no further than it is told', async () => {
  let read = 0
  let closed = false
  const source = fromGenerator(async function* () {
    try {
      for (;;) yield read++
    } finally {
      closed = true
    }
  })
  const elements = source.prefetch(3).epoch(0)
  assert.equal(await elements.next(), { value: 0, done: false })
  await new Promise((done) => setTimeout(done, 5))
  assert.is(read, 4)
  await elements.return()
  assert.ok(closed)
  const failing = fromGenerator(async function* () {
    yield 1
    throw new Error('the file is gone')
  }).prefetch(2)
  assert.is(await refusal(() => failing.toArray()), 'the file is gone')
})

test('cache reads its source once, if to the end', async () => {
  let passes = 0
  const cached = fromGenerator(function* () {
    passes++
    yield* [1, 2, 3]
  }).cache()
  assert.equal(await cached.take(1).toArray(), [1])
  assert.equal(await cached.toArray(), [1, 2, 3])
  assert.equal(await cached.toArray(4), [1, 2, 3])
  assert.is(passes, 2)
})

test('workers map elements in order, with the same random numbers as here', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-dataset-'))
  try {
    const library = pathToFileURL(fileURLToPath(new URL('../index.js', import.meta.url))).href
    const module = join(folder, 'augment.mjs')
    writeFileSync(
      module,
      `import { serveMap, Tensor } from '${library}'
      import { threadId } from 'node:worker_threads'
      serveMap(([x, label], { random, index }) => {
        if (label === 99) throw new Error('no such label')
        const noise = random.uniform()
        return { x: new Tensor('float32', x.data.map((value) => value + noise), x.dims), label, index, threadId }
      })`,
    )
    const source = fromArrays(matrix(6, 2), [0, 1, 2, 3, 4, 5]) as unknown as Dataset<[Tensor, number]>
    for (const worker of [module, pathToFileURL(module), () => new Worker(module)]) {
      const mapped = source.mapInWorkers<{ x: Tensor; label: number; index: number; threadId: number }>(worker, {
        workers: 2,
        seed: 5,
      })
      const here = source.map(
        ([x], { random }) => {
          const noise = random.uniform()
          return (x.data as Float32Array).map((value) => value + noise)
        },
        { seed: 5 },
      )
      const [results, expected] = [await mapped.toArray(1), await here.toArray(1)]
      assert.equal(
        results.map(({ label, index }) => [label, index]),
        [0, 1, 2, 3, 4, 5].map((i) => [i, i]),
      )
      assert.ok(results.every(({ x }, i) => x instanceof Tensor && x.data.every((v, k) => v === expected[i][k])))
      assert.is(new Set(results.map(({ threadId }) => threadId)).size, 2)
    }
    const wrong = fromArrays(matrix(2, 2), [0, 99]).mapInWorkers(module)
    assert.match(await refusal(() => wrong.toArray()), /map in a worker: no such label/)
    const ended = source.mapInWorkers(() => new Worker('process.exit(3)', { eval: true }))
    assert.match(await refusal(() => ended.toArray()), /ended with status 3/)
    assert.match(await refusal(() => source.mapInWorkers(join(folder, 'none.mjs')).toArray()), /worker/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

const samples = 22
const x = matrix(samples, 3)
const y = Float32Array.from({ length: samples }, (_, i) => (i % 3 === 0 ? 1 : 0))

function network(): Model {
  setRandomSeed(4)
  const net = sequential([
    layers.dense({ units: 6, activation: 'tanh', inputShape: [3] }),
    layers.dropout({ rate: 0.25 }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ])
  net.compile({ optimizer: optimizers.adam({ learningRate: 0.02 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  return net
}

const weightsOf = async (net: Model) => (await net.weightContents()).map((weight) => [...(weight.data as Float32Array)])

const augmented = () =>
  fromArrays(x, y)
    .shuffle(10, { seed: 2 })
    .map(
      ([input, target], { random }) =>
        [input.toNumbers().map((value) => value + random.normal(0, 0.01)), target] as [number[], Tensor | number],
      { seed: 6 },
    )
    .map(([input, target]) => [Float32Array.from(input), target] as const)
    .batch(4)
    .prefetch(2)

test('fit, evaluate and predict take datasets: the same as arrays', async () => {
  const [byArrays, byDataset] = [network(), network()]
  byArrays.getWeights()
  byDataset.setWeights(byArrays.getWeights())
  await byDataset.setTrainingState(await byArrays.trainingState())
  const batches = fromArrays(x, y).batch(4)
  const options = { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 } as const
  const a = await byArrays.fit(x, new Tensor(y, [samples, 1]), options)
  const b = await byDataset.fit(batches, null, { ...options, validationData: batches })
  assert.equal(await weightsOf(byDataset), await weightsOf(byArrays))
  a.history.loss.forEach((loss, i) => {
    assert.ok(Math.abs(loss - b.history.loss[i]) < 1e-6)
  })
  const { loss } = await byDataset.evaluate(batches, null, { verbose: 0 })
  assert.ok(Math.abs(loss - b.history.val_loss[2]) < 1e-6)
  const predicted = await byDataset.predict(fromArrays(x).batch(5))
  assert.equal(predicted.dims, [samples, 1])
  assert.equal((await byDataset.predict(batches)).data, (await byDataset.predict(x, { batchSize: 4 })).data)
  assert.match(await refusal(() => byDataset.fit(batches.repeat(), null, { verbose: 0 })), /has no end/)
  byArrays.dispose()
  byDataset.dispose()
})

test('generators give batches; what is no data is named, with the cure', async () => {
  function* batches() {
    for (let from = 0; from < samples; from += 4) {
      const rows = Math.min(4, samples - from)
      const data = x.data as Float32Array
      yield [
        new Tensor('float32', data.slice(3 * from, 3 * (from + rows)), [rows, 3]),
        y.slice(from, from + rows),
      ] as const
    }
  }
  const [byArrays, byGenerator] = [network(), network()]
  byGenerator.setWeights(byArrays.getWeights())
  await byGenerator.setTrainingState(await byArrays.trainingState())
  const options = { batchSize: 4, shuffle: false, verbose: 0 } as const
  await byArrays.fit(x, y, options)
  await byGenerator.fit(batches(), null, options)
  assert.equal(await weightsOf(byGenerator), await weightsOf(byArrays))
  assert.equal(await byGenerator.evaluate(batches()), await byGenerator.evaluate(fromArrays(x, y).batch(4)))
  assert.equal((await byGenerator.predict(batches())).data, (await byArrays.predict(x, { batchSize: 4 })).data)
  const once = batches()
  await byGenerator.fit(once, null, { ...options, stepsPerEpoch: 3, epochs: 2 })
  assert.is(once.next().done, true, 'an epoch goes on where the last one stopped')

  const fit = (data: unknown, targets?: unknown, more?: object) =>
    refusal(() => byArrays.fit(data as Tensor, targets as Tensor, { verbose: 0, ...more }))
  assert.match(await fit(batches), /input.*: got a function, not arrays.*datasets\.fromGenerator/)
  assert.match(await fit(new Map([[x, y]])), /input.*: got an iterable, not arrays.*datasets\.fromGenerator/)
  assert.match(await fit(x, batches()), /target.*: got an iterable/)
  assert.match(await fit(x), /targets are missing/)
  assert.match(await fit(batches(), { epochs: 3 }), /null for y, and options after it/)
  assert.match(await fit(batches(), null, { epochs: 2 }), /no more\); for several epochs.*datasets\.fromGenerator/)
  byArrays.dispose()
  byGenerator.dispose()
})

for (const stepsPerEpoch of [undefined, 4])
  test(`a training by a dataset goes on after a break to the same bits (stepsPerEpoch ${stepsPerEpoch})`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lanewise-dataset-'))
    try {
      const options = { epochs: 4, stepsPerEpoch, verbose: 0 } as const
      const whole = network()
      await whole.fit(augmented(), null, options)
      const backup = () => callbacks.backupAndRestore({ backupDir: folder, saveFreq: 2 })
      const broken = network()
      let batches = 0
      const failure = {
        onTrainBatchEnd: () => {
          if (++batches === 11) throw new Error('power cut')
        },
      }
      await refusal(() => broken.fit(augmented(), null, { ...options, callbacks: [backup(), failure] }))
      const second = network()
      await second.fit(augmented(), null, { ...options, callbacks: [backup()] })
      assert.equal(await weightsOf(second), await weightsOf(whole))
      for (const net of [whole, broken, second]) net.dispose()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

test('a seed of setRandomSeed seeds datasets', async () => {
  const orders = []
  for (let i = 0; i < 2; i++) {
    setRandomSeed(12)
    orders.push(await count(20).shuffle(20).toArray())
  }
  assert.equal(orders[0], orders[1])
  assert.not.equal(orders[0], await count(20).shuffle(20).toArray())
})

test('nested lists are one array, as in fit; lists of arrays are several', async () => {
  const rows: unknown[] = []
  for await (const [x, y] of fromArrays(
    [
      [1, 2],
      [3, 4],
    ],
    [0, 1],
  ))
    rows.push([x.dims, x.toNumbers(), y])
  assert.equal(rows, [
    [[2], [1, 2], 0],
    [[2], [3, 4], 1],
  ])
  for await (const [a, b] of fromArrays([Float32Array.of(1), Float32Array.of(2)]) as unknown as AsyncIterable<
    [number, number]
  >)
    assert.equal([a, b], [1, 2])
})

test.run()
