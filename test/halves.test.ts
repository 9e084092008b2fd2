import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import { numbersOf, tensorOf } from '../src/backend/reference/numbers.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import type { TypedArray } from '../src/core/dtype.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { optimise } from '../src/optimise/index.js'

const random = new RandomGenerator(3)

for (const dtype of ['float16', 'bfloat16'] as const) {
  const made = (dims: readonly number[]) =>
    tensorOf(
      dtype,
      Array.from({ length: sizeOf(dims) }, () => random.normal()),
      dims,
    )
  const network = () => {
    const builder = new GraphBuilder('halves')
    const x = builder.input('x', dtype, [2, 3, 8, 8])
    const planes = builder.relu(builder.op('Conv', [x, builder.constant(made([4, 3, 3, 3]))], { pads: [1, 1, 1, 1] }))
    const pooled = builder.op('MaxPool', [planes], { kernel_shape: [2, 2], strides: [2, 2] })
    const hidden = builder.matMul(builder.reshape(pooled, [2, -1]), builder.constant(made([64, 5])))
    builder.output(builder.op('Gelu', [hidden]), 'gelu')
    builder.output(builder.greater(hidden, 0), 'positive')
    builder.output(builder.cast(hidden, 'float32'), 'wide')
    return builder.build()
  }

  test(`a network in ${dtype} computes in kernels, and rounds as the reference does`, async () => {
    const graph = network()
    const feed = made([2, 3, 8, 8])
    const expected = interpret(graph, new Map([[graph.inputs[0], feed]]))
    const backend = await createWasmBackend({ threads: 1 })
    const executable = compile(graph, backend)
    assert.equal([...executable.notes], [])
    executable.write('x', feed.data as TypedArray)
    executable.run()
    for (const output of graph.outputs) {
      const wanted = expected.get(output)!
      const found = new Tensor(output.dtype, (await executable.read(output.name)) as TypedArray, wanted.dims)
      const [a, b] = [numbersOf(found), numbersOf(wanted)]
      // A result that lies next to a tie may be rounded the other way, and its step is carried on.
      const step = dtype === 'float16' ? 2 ** -9 : 2 ** -6
      b.forEach((value, index) => {
        assert.ok(
          Math.abs(a[index] - value) <= step * (1 + Math.abs(value)),
          `${output.name} ${index}: ${a[index]}, ${value}`,
        )
      })
    }
    executable.dispose()
    backend.dispose()
  })
}

test('ops that a backend runs on 16 bits itself stay as they are', () => {
  const builder = new GraphBuilder()
  builder.output(builder.exp(builder.input('x', 'float16', [3])), 'y')
  const nodes = optimise(builder.build(), { evaluate, accelerates: () => true }).nodes
  assert.equal(
    nodes.some(({ op }) => op === 'Cast'),
    false,
  )
})

test.run()
