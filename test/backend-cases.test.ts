import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createReferenceBackend } from '../src/backend/reference/backend.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import { isFloat, type TypedArray } from '../src/core/dtype.js'
import { isConcrete } from '../src/core/shape.js'
import { graphOf, titleOf } from './cases/case.js'
import { cases } from './cases/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const wasm = await createWasmBackend({ threads: 2 })
const reference = createReferenceBackend()
const hosted = new Set<string>()

for (const row of cases) {
  const { graph, tensors } = graphOf(row)
  if (!graph.outputs.every((output) => isConcrete(output.shape))) {
    console.log(`SKIP ${titleOf(row)}: its output shape is known at run time only`)
    continue
  }
  test(titleOf(row), async () => {
    const results: TypedArray[][] = []
    for (const backend of [wasm, reference]) {
      const executable = compile(graph, backend)
      if (executable.notes.length > 0) hosted.add(row.op)
      for (const input of graph.inputs)
        executable.write(input.name, tensors[Number(input.name.slice('input'.length))]!.data as TypedArray)
      executable.run()
      results.push(await Promise.all(graph.outputs.map((output) => executable.read(output.name))))
      executable.dispose()
    }
    graph.outputs.forEach((output, index) => {
      const allowed = isFloat(output.dtype) ? (row.tolerance ?? 1e-5) : 0
      const [actual, expected] = [results[0][index], results[1][index]]
      assert.is(actual.length, expected.length)
      expected.forEach((element, i) => {
        const [a, b] = [Number(actual[i]), Number(element)]
        const same = Object.is(a, b) || a === b || Math.abs(a - b) <= allowed * (1 + Math.abs(b))
        assert.ok(same, `${output.name} element ${i} is ${a}, the reference gives ${b}`)
      })
    })
  })
}

test('the backend goes', () => {
  wasm.dispose()
  if (hosted.size > 0)
    console.log(`\nSKIP kernels: cases of ${[...hosted].sort().join(', ')} run in the reference backend`)
})

test.run()
