import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Executable } from '../src/backend/backend.js'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { startWasmBackend } from '../src/backend/wasm/index.js'
import type { WasmMemory } from '../src/backend/wasm/memory.js'
import { compile, compileInTurns } from '../src/compile.js'
import type { Graph } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadOperators } from '../src/packs/index.js'
import { randomTensor } from './support/products.js'
import { Thief } from './support/thief.js'

await loadOperators()

console.warn = () => {}

const x = randomTensor([64, 4096])

/** One op after the other on x, each large enough for several tiles; `heavy`: so many times over that a run takes a while. */
function chain(ops: readonly string[], heavy = 1): Graph {
  const builder = new GraphBuilder('chain')
  let y = builder.input('x', 'float32', x.dims)
  for (let i = 0; i < heavy; i++) for (const op of ops) y = builder.op(op, [y])
  builder.output(y, 'y')
  return builder.build()
}

const read = async (executable: Executable) => Buffer.from(((await executable.read('y')) as Float32Array).buffer)

async function result(executable: Executable): Promise<Buffer> {
  executable.write('x', x.data as Float32Array)
  await executable.run()
  return read(executable)
}

test('what the core has is ready at once', async () => {
  const backend = await startWasmBackend({ threads: 1 })
  const executable = compile(chain(['Relu', 'Sqrt']), backend)
  assert.is(executable.ready, undefined)
  executable.write('x', x.data as Float32Array)
  assert.is(executable.run(), undefined)
  backend.dispose()
})

test('a part comes with the first plan that needs it, in all threads, and the bits do not depend on them', async () => {
  const results: Buffer[] = []
  for (const threads of [1, 3]) {
    const backend = await startWasmBackend({ threads })
    await backend.ready()
    assert.is(backend.report.threads, threads)
    const before = await result(compile(chain(['Sigmoid']), backend))
    const executable = compile(chain(['Sigmoid', 'Sin', 'Round']), backend)
    assert.instance(executable.ready, Promise)
    results.push(await result(executable))
    assert.is(executable.run(), undefined, 'from then on a run is done when it returns')
    assert.is(compile(chain(['Cos']), backend).ready, undefined)
    assert.equal(await result(compile(chain(['Sigmoid']), backend)), before)
    backend.dispose()
  }
  assert.equal(results[0], results[1])
})

test('a compilation with turns waits for the parts', async () => {
  const backend = await startWasmBackend({ threads: 1 })
  const executable = await compileInTurns(chain(['Sin']), backend)
  executable.write('x', x.data as Float32Array)
  assert.is(executable.run(), undefined)
  backend.dispose()
})

test('threads that replace a lost one take the parts, too', async () => {
  const backend = await startWasmBackend({ threads: 2, workerTimeout: 500 })
  await backend.ready()
  const executable = await compileInTurns(chain(['Sin', 'Cos'], 100), backend)
  const expected = await result(executable)
  const thief = await Thief.of(backend)
  thief.strike()
  assert.equal(await result(executable), expected)
  await thief.stop()
  assert.match(backend.report.notes.join(), /replaced \(1 so far\)/)
  assert.is(backend.report.threads, 2)
  assert.equal(await result(executable), expected)
  backend.dispose()
})

const tensor = new Tensor(
  'int8',
  Int8Array.from({ length: 64 * 24 }, (_, index) => ((index * 29) % 255) - 127),
  [64, 24],
)

/** A product with constant weights, which kernels of a part that comes later bring into their form. */
function quantized(): Graph {
  const builder = new GraphBuilder('quantized')
  const a = builder.input('a', 'uint8', [5, 64])
  const weights = builder.constant(tensor)
  builder.output(builder.op('MatMulInteger', [a, weights]), 'y')
  return builder.build()
}

test('plans that wait at the same time share a constant that is prepared once', async () => {
  const backend = await startWasmBackend({ threads: 1 })
  const graphs = [quantized(), quantized()]
  const executables = graphs.map((graph) => compile(graph, backend))
  const a = Uint8Array.from({ length: 5 * 64 }, (_, index) => (index * 37) % 251)
  const [node] = graphs[0].nodes
  const [expected] = evaluate(node, [new Tensor('uint8', a, [5, 64]), tensor])
  for (const executable of executables) {
    assert.instance(executable.ready, Promise)
    executable.write('a', a)
    await executable.run()
    assert.equal(await executable.read('y'), expected.data)
  }
  backend.dispose()
})

test('an executable that is disposed of while it waits leaves nothing behind', async () => {
  const backend = await startWasmBackend({ threads: 1 })
  const { memory } = backend as unknown as { memory: WasmMemory }
  const executable = compile(quantized(), backend)
  executable.dispose()
  await executable.ready
  assert.is(memory.usedBytes, 0)
  assert.throws(() => executable.run(), /disposed/)
  backend.dispose()
})

test.run()
