import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../src/backend/backend.js'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import type { Machine } from '../src/backend/wasm/machine.js'
import { compile } from '../src/compile.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Value } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { InferenceSession } from '../src/session.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const coded =
  (code: string, message = /./) =>
  (error: unknown): boolean =>
    error instanceof LanewiseError && error.code === code && message.test(error.message)

const backends: readonly (() => Promise<Backend>)[] = [
  () => createWasmBackend({ threads: 1 }),
  async () => createReferenceBackend(),
]

const wasmMemory = (backend: Backend) => (backend as unknown as Machine).memory

/** A graph of one output. */
const graphOf = (write: (builder: GraphBuilder) => Value) => {
  const builder = new GraphBuilder()
  builder.output(write(builder), 'y')
  return builder.build()
}

test('operands that kernels cannot count are refused, and nothing stays allocated', async () => {
  const backend = await createWasmBackend({ threads: 1 })
  const before = wasmMemory(backend).usedBytes
  const huge = graphOf((b) => b.relu(b.expand(b.input('x', 'float32', [1]), [2 ** 29])))
  const bytes = graphOf((b) => b.expand(b.input('x', 'uint8', [1]), [2 ** 31]))
  const product = (size: number) =>
    graphOf((b) => b.matMul(b.input('a', 'float32', [size, 1]), b.input('b', 'float32', [1, size])))
  assert.throws(() => product(2 ** 16), coded('INVALID_MODEL', /more than 2147483648 elements/))
  const columns = product(2 ** 15)
  const frame = graphOf((b) =>
    b.op('Conv', [b.input('x', 'float32', [1, 1, 4, 4]), b.input('w', 'float32', [1, 1, 2 ** 15, 2 ** 15])], {
      pads: [2 ** 15, 2 ** 15, 2 ** 15, 2 ** 15],
    }),
  )
  for (const graph of [huge, bytes, columns, frame])
    assert.throws(() => compile(graph, backend), coded('OUT_OF_MEMORY', /GiB/))
  assert.is(wasmMemory(backend).usedBytes, before)
  backend.dispose()
})

test('weights that are only read packed lie in memory once, packed, for all executables, and are given back', async () => {
  const backend = await createWasmBackend({ threads: 1 })
  const before = wasmMemory(backend).usedBytes
  const [depth, columns] = [512, 256]
  const weights = new Tensor('float32', new Float32Array(depth * columns).fill(0.5), [depth, columns])
  const load = (rows: number) => {
    const builder = new GraphBuilder()
    builder.output(builder.matMul(builder.input('x', 'float32', [rows, depth]), builder.constant(weights)), 'y')
    return compile(builder.build(), backend)
  }
  const executables = [1, 40].map((rows) => {
    const executable = load(rows)
    executable.write('x', new Float32Array(rows * depth).fill(2))
    executable.run()
    assert.ok((executable.read('y') as Float32Array).every((value) => value === depth))
    return executable
  })
  const bytes = wasmMemory(backend).usedBytes - before
  assert.ok(bytes > 4 * weights.size && bytes < 1.5 * 4 * weights.size, `${bytes} bytes`)
  for (const executable of executables) executable.dispose()
  assert.is(wasmMemory(backend).usedBytes, before)
  backend.dispose()
})

test('a constant index out of range is refused when the plan is loaded, and nothing stays allocated', async () => {
  const backend = await createWasmBackend({ threads: 1 })
  const before = wasmMemory(backend).usedBytes
  for (const index of [3, -4, 2 ** 40]) {
    const graph = graphOf((b) =>
      b.gather(b.input('x', 'float32', [3, 2]), b.constant(new Tensor('int64', [BigInt(index)], [1]))),
    )
    assert.throws(() => compile(graph, backend), coded('SHAPE_MISMATCH', /out of range/))
  }
  assert.is(wasmMemory(backend).usedBytes, before)
  backend.dispose()
})

/** Ops over operands without elements, or without axes; every one has an answer. */
const empty: Readonly<Record<string, (b: GraphBuilder) => Value>> = {
  'relu [0]': (b) => b.relu(b.input('x', 'float32', [0])),
  'add [0, 3] [3]': (b) => b.add(b.input('x', 'float32', [0, 3]), b.input('z', 'float32', [3])),
  'sum of nothing': (b) => b.sum(b.input('x', 'float32', [0, 3]), [0]),
  'sum along an empty neighbour': (b) => b.sum(b.input('x', 'float32', [0, 3]), [1]),
  'sum of a scalar': (b) => b.sum(b.input('x', 'float32', [])),
  'product over k = 0': (b) => b.matMul(b.input('x', 'float32', [3, 0]), b.input('z', 'float32', [0, 5])),
  'product of no rows': (b) => b.matMul(b.input('x', 'float32', [0, 4]), b.input('z', 'float32', [4, 5])),
  'product of no batches': (b) => b.matMul(b.input('x', 'float32', [0, 2, 4]), b.input('z', 'float32', [4, 5])),
  'Gemm over k = 0': (b) =>
    b.op('Gemm', [b.input('x', 'float32', [0, 3]), b.input('z', 'float32', [0, 5]), b.input('c', 'float32', [5])], {
      transA: 1,
    }),
  'convolution of no images': (b) =>
    b.op('Conv', [b.input('x', 'float32', [0, 2, 5, 5]), b.input('w', 'float32', [3, 2, 3, 3])], {
      pads: [1, 1, 1, 1],
    }),
  'convolution without channels': (b) =>
    b.op('Conv', [b.input('x', 'float32', [2, 0, 5, 5]), b.input('w', 'float32', [3, 0, 3, 3])]),
  'convolution without outputs': (b) =>
    b.op('Conv', [b.input('x', 'float32', [2, 2, 5, 5]), b.input('w', 'float32', [0, 2, 3, 3])]),
  'pool of no images': (b) => b.op('MaxPool', [b.input('x', 'float32', [0, 2, 4, 4])], { kernel_shape: [2, 2] }),
  'pool without channels': (b) =>
    b.op('AveragePool', [b.input('x', 'float32', [2, 0, 4, 4])], { kernel_shape: [2, 2] }),
  'softmax of no rows': (b) => b.softmax(b.input('x', 'float32', [0, 3])),
  'softmax of rows of nothing': (b) => b.softmax(b.input('x', 'float32', [3, 0])),
  'softmax of a row': (b) => b.softmax(b.input('x', 'float32', [1])),
  'transpose [0, 2, 3]': (b) => b.transpose(b.input('x', 'float32', [0, 2, 3]), [2, 0, 1]),
  'concatenation with nothing': (b) => b.concat([b.input('x', 'float32', [0, 3]), b.input('z', 'float32', [2, 3])], 0),
  'gather of nothing': (b) => b.gather(b.input('x', 'float32', [3, 2]), b.input('i', 'int64', [0])),
  'gather from nothing': (b) => b.gather(b.input('x', 'float32', [0, 2]), b.input('i', 'int64', [0])),
  'rows of no columns': (b) => b.gather(b.input('x', 'float32', [3, 0]), b.input('i', 'int64', [2])),
  'pad of nothing': (b) => b.op('Pad', [b.input('x', 'float32', [0, 2]), b.ints([1, 0, 1, 0])]),
  'slice to nothing': (b) => b.op('Slice', [b.input('x', 'float32', [4]), b.ints([3]), b.ints([1])]),
  'slice backwards of nothing': (b) =>
    b.op('Slice', [b.input('x', 'float32', [0]), b.ints([-1]), b.ints([-9]), b.ints([0]), b.ints([-1])]),
  'tile no times': (b) => b.op('Tile', [b.input('x', 'float32', [2, 3]), b.ints([0, 2])]),
  'where of a scalar': (b) =>
    b.where(b.input('c', 'bool', []), b.input('x', 'float32', []), b.input('z', 'float32', [])),
  'one element of rank 9': (b) => b.add(b.input('x', 'float32', new Array(9).fill(1)), b.input('z', 'float32', [2])),
}

for (const [title, write] of Object.entries(empty))
  test(`edge shapes: ${title}`, async () => {
    const results = []
    for (const create of backends) {
      const backend = await create()
      const graph = graphOf(write)
      const executable = compile(graph, backend)
      executable.run()
      results.push(Array.from((await executable.read('y')) as Float32Array, (value) => value + 0))
      executable.dispose()
      backend.dispose()
    }
    assert.equal(results[0], results[1])
  })

test('disposed executables and variables refuse use in every backend; disposing twice is fine', async () => {
  for (const create of backends) {
    const backend = await create()
    const executable = compile(
      graphOf((b) => b.relu(b.input('x', 'float32', [2]))),
      backend,
    )
    assert.throws(() => executable.read('y'), coded('INVALID_ARGUMENT', /before a run/))
    executable.dispose()
    executable.dispose()
    assert.throws(() => executable.write('x', new Float32Array(2)), coded('DISPOSED'))
    assert.throws(() => executable.run(), coded('DISPOSED'))
    assert.throws(() => executable.read('y'), coded('DISPOSED'))
    const storage = backend.allocate('float32', [2])
    storage.dispose()
    storage.dispose()
    assert.throws(() => storage.write(new Float32Array(2)), coded('DISPOSED'))
    assert.throws(() => storage.read(), coded('DISPOSED'))
    backend.dispose()
    backend.dispose()
  }
})

test('nodes without a kernel show in the notes of a session', async () => {
  const write = (dtype: 'float32' | 'float64') => exportModel(graphOf((b) => b.exp(b.input('x', dtype, ['n']))))
  const noted = async (dtype: 'float32' | 'float64') => {
    const session = await InferenceSession.create(write(dtype), { threads: 1 })
    const before = session.notes
    for (const size of [2, 3]) await session.run({ x: Tensor.zeros(dtype, [size]) })
    const after = session.notes
    await session.release()
    return after.filter((note) => !before.includes(note))
  }
  assert.equal(await noted('float32'), [])
  const notes = await noted('float64')
  assert.is(notes.length, 1)
  assert.match(notes[0], /^Exp '.*' has no wasm kernel and runs in the reference backend$/)
})

test('a session finishes the runs under way before it is released, and refuses later ones', async () => {
  const model = exportModel(graphOf((b) => b.relu(b.input('x', 'float32', ['n']))))
  const session = await InferenceSession.create(model, { threads: 1 })
  const run = (size: number) => session.run({ x: new Tensor(new Float32Array(size).fill(2)) })
  const first = run(3)
  const second = run(4)
  const released = session.release()
  const late = run(5).catch((error: unknown) => error)
  assert.equal((await first)['y'].data, new Float32Array(3).fill(2))
  assert.equal((await second)['y'].data, new Float32Array(4).fill(2))
  await released
  assert.ok(coded('DISPOSED')(await late))
  await session.release()
  assert.ok(coded('DISPOSED')(await run(3).catch((error: unknown) => error)))
})

test.run()
