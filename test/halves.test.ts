import { onnx } from 'onnx-proto'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate, interpret } from '../src/backend/reference/evaluate.js'
import { numbersOf, tensorOf } from '../src/backend/reference/numbers.js'
import { createWasmBackend } from '../src/backend/wasm/index.js'
import { compile } from '../src/compile.js'
import type { TypedArray } from '../src/core/dtype.js'
import type { Graph, Value } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { importModel } from '../src/onnx/import.js'
import { optimise } from '../src/optimise/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const random = new RandomGenerator(3)

const half = (dims: readonly number[]) =>
  tensorOf(
    'float16',
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
    dims,
  )

/** Of the elements of a network's float16 output, those that differ from onnxruntime's by more than one step, by kernels and by the reference. */
async function differing(
  graph: Graph,
  feed: Tensor,
  model = exportModel(graph, { opset: 17 }),
): Promise<{ kernels: number; reference: number }> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled' })
  const { y } = await session.run({ x: new ort.Tensor('float16', feed.data as Uint16Array, feed.dims) })
  const expected = new Uint16Array(y.data as Uint16Array)
  await session.release()
  const backend = await createWasmBackend({ threads: 1 })
  const executable = compile(graph, backend)
  executable.write('x', feed.data as TypedArray)
  executable.run()
  const found = (await executable.read('y')) as Uint16Array
  executable.dispose()
  backend.dispose()
  const reference = interpret(graph, new Map([[graph.inputs[0], feed]])).get(graph.outputs[0])!.data as Uint16Array
  const ordered = (bits: number) => (bits & 0x8000 ? 0x8000 - bits : bits)
  const count = (bits: Uint16Array) =>
    expected.filter((wanted, index) => Math.abs(ordered(bits[index]) - ordered(wanted)) > 1).length
  return { kernels: count(found), reference: count(reference) }
}

/** MatMul, Add, Relu and MatMul on float16; `between` stands before the last product. */
function chain(between: (builder: GraphBuilder, x: Value) => Value): Graph {
  const builder = new GraphBuilder('chain')
  const x = builder.input('x', 'float16', [8, 64])
  const hidden = builder.add(builder.matMul(x, builder.constant(half([64, 64]))), builder.constant(half([64])))
  builder.output(builder.matMul(between(builder, builder.relu(hidden)), builder.constant(half([64, 32]))), 'y')
  return builder.build()
}

test('a chain of ops on float16 is rounded at its end only, as in onnxruntime', async () => {
  const graph = chain((_, x) => x)
  const { kernels, reference } = await differing(graph, half([8, 64]))
  assert.is(kernels, 0)
  assert.ok(reference > 0, 'the chain is too short to tell where it is rounded')
})

test('ops that onnxruntime runs on float16 round, unless they stand alone between others, as in onnxruntime', async () => {
  const normalized = (builder: GraphBuilder, x: Value) =>
    builder.op('LayerNormalization', [x, builder.constant(half([64]))], { axis: -1 })
  const turned = (builder: GraphBuilder, x: Value) => builder.transpose(x, [1, 0])
  const alone = [normalized, (builder: GraphBuilder, x: Value) => builder.relu(turned(builder, turned(builder, x)))]
  const together = (builder: GraphBuilder, x: Value) => normalized(builder, normalized(builder, x))
  for (const between of [...alone, together]) assert.is((await differing(chain(between), half([8, 64]))).kernels, 0)
  assert.equal(casts(chain(normalized)), ['float32', 'float16'])
  assert.equal(casts(chain(together)), [
    'float32',
    'float16',
    'float32',
    'float16',
    'float32',
    'float16',
    'float32',
    'float16',
  ])
})

/** `graph` as a model of com.microsoft's products and activations. */
function asContrib(graph: Graph): Uint8Array {
  const model = onnx.ModelProto.decode(exportModel(graph, { opset: 17 }))
  model.opsetImport.push(onnx.OperatorSetIdProto.create({ domain: 'com.microsoft', version: 1 }))
  const twins: Readonly<Record<string, string>> = { MatMul: 'FusedMatMul', Relu: 'FastGelu' }
  for (const node of model.graph!.node!) {
    const twin = twins[node.opType!]
    if (twin) Object.assign(node, { opType: twin, domain: 'com.microsoft' })
  }
  return onnx.ModelProto.encode(model).finish()
}

/** The dtypes to which the optimised graph casts. */
const casts = (graph: Graph) =>
  optimise(graph, { evaluate, accelerates: ({ op, inputs }) => op === 'Cast' || inputs[0]?.dtype === 'float32' })
    .nodes.filter(({ op }) => op === 'Cast')
    .map(({ outputs }) => outputs[0].dtype)

test('ops of com.microsoft on float16 are rounded at the end of their chain only, as in onnxruntime', async () => {
  const model = asContrib(chain((_, x) => x))
  const graph = importModel(model)
  assert.is((await differing(graph, half([8, 64]), model)).kernels, 0)
  assert.equal(casts(graph), ['float32', 'float16'])
})

test("casts between widened ops are left out, the model's own stay", () => {
  assert.equal(casts(chain((_, x) => x)), ['float32', 'float16'])
  const own = chain((builder, x) => builder.cast(builder.exp(builder.cast(x, 'float32')), 'float16'))
  assert.equal(casts(own), ['float32', 'float16', 'float32', 'float16', 'float32', 'float16'])
})

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
