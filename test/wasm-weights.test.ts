import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import type { WasmMemory } from '../src/backend/wasm/memory.js'
import { compile } from '../src/compile.js'
import type { Attributes } from '../src/core/ir.js'
import { stridesOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { assertSame, results } from './support/graphs.js'
import { loadEverything } from './support/operators.js'
import { randomTensor } from './support/products.js'

await loadEverything()

/** y = Conv(x, w) + b with constant weights as ONNX has them, [O, C/group, …kernel]; the batch is symbolic. */
function convolution(spatial: readonly number[], weight: Tensor, attributes: Attributes) {
  const builder = new GraphBuilder('convolution')
  const group = (attributes['group'] as number | undefined) ?? 1
  const x = builder.input('x', 'float32', ['N', weight.dims[1] * group, ...spatial])
  const w = builder.constant(weight, 'w')
  builder.output(builder.op('Conv', [x, w], { group, ...attributes }), 'y')
  return builder.build()
}

const padded = { pads: [1, 1, 1, 1] }
const cases: readonly (readonly [readonly number[], readonly number[], Attributes])[] = [
  [[12, 11], [13, 5, 3, 3], padded],
  [[12, 11], [13, 5, 3, 3], { ...padded, strides: [2, 2] }],
  [[12, 11], [12, 3, 3, 3], { ...padded, group: 2, strides: [2, 1] }],
  [[9, 8], [10, 4, 1, 1], {}],
  [[9, 8], [10, 4, 5, 1], {}],
  [[9, 8], [10, 4, 1, 4], {}],
  [[12, 12], [20, 1, 5, 5], {}],
  [[11, 12], [16, 1, 3, 3], { ...padded, group: 16 }],
  [[17], [9, 6, 3], { pads: [1, 0] }],
  [[5, 6, 7], [7, 3, 2, 3, 3], {}],
]

for (const [spatial, shape, attributes] of cases)
  test(`constant weights [${shape}] over [${spatial}] ${JSON.stringify(attributes)}`, async () => {
    const backend = await createWasmBackend({ threads: 1, deterministic: true })
    const graph = convolution(spatial, randomTensor(shape), attributes)
    const x = randomTensor([2, graph.inputs[0].shape[1] as number, ...spatial])
    const executable = compile(graph, backend, { inputShapes: { x: x.dims } })
    executable.write('x', x.data as Float32Array)
    await executable.run()
    const expected = results(graph, new Map([['x', x]]))
    const data = (await executable.read('y')) as Float32Array
    assertSame(new Map([['y', new Tensor('float32', data, expected.get('y')!.dims)]]), expected)
    backend.dispose()
  })

test('weights are packed once for all batches', async () => {
  const backend = await createWasmBackend({ threads: 1 })
  const { memory } = backend as unknown as { readonly memory: WasmMemory }
  const weight = randomTensor([128, 128, 3, 3])
  const graph = convolution([4, 4], weight, padded)
  const grows = [1, 2, 3].map((batch) => {
    const before = memory.usedBytes
    compile(graph, backend, { inputShapes: { x: [batch, 128, 4, 4] } })
    return memory.usedBytes - before
  })
  const bytes = weight.size * 4
  assert.ok(grows[0] > bytes, `the first plan takes ${grows[0]} bytes`)
  for (const grow of grows.slice(1)) assert.ok(grow < bytes, `another takes ${grow}, as much as the weights`)
  backend.dispose()
})

test('a transposed tensor copies its elements when they are asked for, once', () => {
  const source = randomTensor([2, 3, 4])
  let copies = 0
  const node = { op: 'Transpose', name: 't', inputs: [], outputs: [], attributes: { perm: [2, 0, 1] } }
  const tensor = Tensor.transposed(source, [2, 0, 1], () => {
    copies++
    return evaluate(node, [source])![0].data
  })
  assert.equal([tensor.type, tensor.dims, tensor.size, copies], ['float32', [4, 2, 3], 24, 0])
  const [a, b, c] = stridesOf(source.dims)
  const data = source.data as Float32Array
  tensor.toNumbers().forEach((number, index) => {
    const [i, j, k] = [Math.floor(index / 6), Math.floor(index / 3) % 2, index % 3]
    assert.is(number, data[j * a + k * b + i * c])
  })
  assert.is(tensor.data, tensor.data)
  assert.is(copies, 1)
  assert.ok(tensor instanceof Tensor)
})

test.run()
