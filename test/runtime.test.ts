import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../src/backend/backend.js'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import type { Graph } from '../src/core/ir.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { uniform } from './cases/case.js'

const random = (size: number, seed: number): Float32Array => {
  const next = uniform(seed)
  return Float32Array.from({ length: size }, () => 4 * next() - 2)
}

function chain(size: number, length: number): Graph {
  const builder = new GraphBuilder('chain')
  let value = builder.input('x', 'float32', [size])
  for (let index = 0; index < length; index++) value = builder.relu(value)
  builder.output(value)
  return builder.build()
}

async function runOnce(graph: Graph, backend: Backend, x: Float32Array) {
  const executable = compile(graph, backend)
  executable.write('x', x)
  executable.run()
  const y = await executable.read(graph.outputs[0].name)
  executable.dispose()
  return y
}

test('a small graph gives the same on one and on two threads as in the reference backend', async () => {
  const graph = chain(100_003, 3)
  const x = random(100_003, 1)
  const expected = await runOnce(graph, createReferenceBackend(), x)
  for (const threads of [1, 2]) {
    const backend = await createWasmBackend({ threads })
    assert.is(backend.report.threads, threads)
    assert.equal(await runOnce(graph, backend, x), expected)
    backend.dispose()
  }
})

test.run()
