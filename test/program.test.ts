import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Graph } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { InferenceSession } from '../src/session.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const random = new RandomGenerator(5)

const randomTensor = (dims: readonly number[]): Tensor =>
  new Tensor(
    'float32',
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
    dims,
  )

/** Runs the body `write` makes of (trip, state [rows, 4], captured w [4]) as many times as the input `trips` says. */
function loopOf(write: (k: GraphBuilder, state: ReturnType<GraphBuilder['input']>) => void): Graph {
  const inner = new GraphBuilder('body')
  inner.input('trip', 'int64', [])
  inner.input('going', 'bool', [])
  write(inner, inner.input('state', 'float32', ['rows', 4]))
  const body = inner.build()
  const w = { ...body.inputs.at(-1)! }
  const outer = new GraphBuilder('loops')
  const x = outer.input('x', 'float32', ['n', 4])
  const trips = outer.input('trips', 'int64', [])
  const captured = outer.relu(outer.input(w.name, w.dtype, w.shape))
  const [state, seen] = outer.emit('Loop', [trips, undefined, x, captured], { body, captures: 1 }, 2)
  outer.output(outer.neg(state), 'y')
  outer.output(seen, 'seen')
  return outer.build()
}

const doubling = loopOf((k, state) => {
  const w = k.input('w', 'float32', [4])
  k.output(k.constant(new Tensor('bool', [true], [])), 'goes')
  const next = k.add(k.mul(state, 2), w)
  k.output(next, 'next')
  k.output(k.op('ReduceSum', [next, undefined], { keepdims: 0 }), 'sum')
})

const growing = loopOf((k, state) => {
  const w = k.input('w', 'float32', [4])
  k.output(k.constant(new Tensor('bool', [true], [])), 'goes')
  k.output(k.concat([state, k.op('Unsqueeze', [w, k.ints([0])])], 0), 'next')
  k.output(w, 'sum')
})

async function agreesWithPeer(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<readonly string[]> {
  const bytes = exportModel(graph)
  const peer = await ort.InferenceSession.create(bytes)
  const session = await InferenceSession.create(bytes)
  const given = Object.entries(feeds).map(([name, { type, data, dims }]) => [
    name,
    new ort.Tensor(type as 'float32', data as Float32Array, dims),
  ])
  const expected = await peer.run(Object.fromEntries(given))
  const results = await session.run(feeds)
  for (const name of session.outputNames) {
    assert.equal([...results[name].dims], [...expected[name].dims], name)
    results[name].toNumbers().forEach((value, index) => {
      const wanted = Number(expected[name].data[index])
      assert.ok(Math.abs(value - wanted) <= 1e-5 * (1 + Math.abs(wanted)), `${name}[${index}]: ${value}, ${wanted}`)
    })
  }
  const { notes } = session
  await session.release()
  await peer.release()
  return notes
}

const count = (trips: number) => new Tensor('int64', [trips], [])

for (const [name, graph] of [
  ['keeps its shape', doubling],
  ['grows', growing],
] as const)
  test(`a loop whose length comes in and whose state ${name}, as in onnxruntime-web`, async () => {
    for (const trips of [0, 1, 5, 40])
      for (const rows of [1, 3]) {
        const feeds = { x: randomTensor([rows, 4]), w: randomTensor([4]), trips: count(trips) }
        const notes = await agreesWithPeer(graph, feeds)
        assert.ok(notes.some((note) => note.includes('Loop')))
      }
  })

test('a state that grows runs again and again in as many shapes, without a plan for each', async () => {
  const session = await InferenceSession.create(exportModel(growing))
  const [x, w] = [randomTensor([2, 4]), randomTensor([4])]
  const row = w.toNumbers().map((value) => Math.max(value, 0))
  for (const trips of [100, 100, 70, 100, 100, 100, 150]) {
    const { y } = await session.run({ x, w, trips: count(trips) })
    assert.equal(y.dims, [2 + trips, 4])
    y.toNumbers().forEach((value, i) => {
      assert.is(value, -(i < 8 ? x.toNumbers()[i] : row[i % 4]) || 0)
    })
    if (trips <= 100) assert.not.ok(session.notes.some((note) => note.includes('compiled anew')))
  }
  await session.release()
})

test('shapes that follow from data, as in onnxruntime-web', async () => {
  const k = new GraphBuilder('positive')
  const x = k.input('x', 'float32', ['n', 8])
  const weights = k.constant(randomTensor([8, 64]), 'weights')
  const rows = k.op('ReduceMax', [x, k.ints([1])], { keepdims: 0 })
  const [found] = k.emit('NonZero', [k.greater(rows, 1)])
  const kept = k.op('Gather', [x, k.reshape(found, [-1])], { axis: 0 })
  k.output(k.op('Softmax', [k.op('MatMul', [kept, weights])]), 'y')
  const graph = k.build()
  for (const n of [1, 16, 100]) {
    const notes = await agreesWithPeer(graph, { x: randomTensor([n, 8]) })
    assert.ok(notes.some((note) => note.includes('NonZero')))
  }
})

test('a loop without end lets timers run, and a signal ends it', async () => {
  const session = await InferenceSession.create(
    exportModel(
      loopOf((k, state) => {
        const w = k.input('w', 'float32', [4])
        k.output(k.constant(new Tensor('bool', [true], [])), 'goes')
        k.output(k.maximum(state, w), 'next')
        k.output(k.constant(new Tensor('float32', [], [0])), 'sum')
      }),
    ),
  )
  const controller = new AbortController()
  const feeds = { x: randomTensor([1, 4]), w: randomTensor([4]), trips: new Tensor('int64', [2n ** 62n], []) }
  setTimeout(() => controller.abort(new Error('enough')), 20)
  let thrown: unknown
  await session.run(feeds, undefined, { signal: controller.signal }).catch((error) => {
    thrown = error
  })
  assert.is((thrown as Error | undefined)?.message, 'enough')
  const withoutFetches = await session.run(feeds, { signal: controller.signal }).catch((error: Error) => error)
  assert.is((withoutFetches as Error).message, 'enough')
  const again = await session.run({ ...feeds, trips: count(2) })
  assert.equal(again['seen'].dims, [2, 0])
  await session.release()
})

test.run()
