import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { interpret } from '../src/backend/reference/evaluate.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Graph, Variable } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { printGraph } from '../src/graph/print.js'
import { decode } from '../src/onnx/decode.js'
import { encode } from '../src/onnx/encode.js'
import { bakeVariables, exportModel } from '../src/onnx/export.js'
import { importModel } from '../src/onnx/import.js'
import {
  attributeType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../src/onnx/messages.js'
import { decodeTensor, encodeTensor } from '../src/onnx/tensors.js'
import { InferenceSession } from '../src/session.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const random = new RandomGenerator(5)
const randomTensor = (dims: readonly number[]): Tensor => {
  const tensor = Tensor.zeros('float32', dims)
  const data = tensor.data as Float32Array
  for (let index = 0; index < data.length; index++) data[index] = random.normal()
  return tensor
}

/** A small CNN as a layer API would build it, with a symbolic batch. */
function smallCnn(): Graph {
  const k = new GraphBuilder('small')
  const x = k.input('x', 'float32', ['batch', 9, 9, 2])
  const planes = k.op(
    'Conv',
    [k.transpose(x, [0, 3, 1, 2]), k.constant(randomTensor([5, 2, 3, 3]), 'kernel'), k.constant(randomTensor([5]))],
    {
      pads: [1, 1, 1, 1],
    },
  )
  const pooled = k.transpose(k.op('MaxPool', [k.relu(planes)], { kernel_shape: [2, 2], strides: [2, 2] }), [0, 2, 3, 1])
  const flat = k.reshape(pooled, [-1, 80])
  const logits = k.add(k.matMul(flat, k.constant(randomTensor([80, 4]))), k.constant(randomTensor([4])))
  k.output(k.softmax(logits), 'probabilities')
  return k.build({ metadata: { purpose: 'test' } })
}

const codeOf = (attempt: () => unknown): string | undefined => {
  try {
    attempt()
    return undefined
  } catch (error) {
    return error instanceof LanewiseError ? error.code : `not a LanewiseError: ${(error as Error).stack}`
  }
}

const modelOf = (graph: GraphProto, opset = 18): Uint8Array =>
  encode('ModelProto', { irVersion: 8, opsetImport: [{ domain: '', version: opset }], graph })

const valueInfo = (name: string, dims: readonly number[]): ValueInfoProto => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
})

test('tensors survive the round trip, bit by bit', () => {
  for (const dtype of [
    'float32',
    'float64',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
  ] as const) {
    const tensor = new Tensor(dtype, [1, 0, 1, 1, 0, 1], [3, 2])
    const back = decodeTensor(decode('TensorProto', encode('TensorProto', encodeTensor(tensor, 't'))))
    assert.equal([back.type, back.dims, back.data], [dtype, [3, 2], tensor.data])
  }
  const words = decodeTensor(
    decode('TensorProto', encode('TensorProto', encodeTensor(new Tensor('string', ['a', 'né'], [2])))),
  )
  assert.equal(words.data, ['a', 'né'])
})

test('int64 data beyond 2^53 keep their bits in raw form', () => {
  const tensor = new Tensor('int64', BigInt64Array.of(2n ** 62n + 1n, -(2n ** 62n) - 1n), [2])
  assert.equal(decodeTensor(decode('TensorProto', encode('TensorProto', encodeTensor(tensor)))).data, tensor.data)
})

test('export then import gives the same graph', () => {
  const graph = smallCnn()
  const back = importModel(exportModel(graph))
  assert.is(printGraph(back), printGraph(graph))
  assert.equal(back.metadata, { purpose: 'test' })
})

test('an exported model gives the same outputs in onnxruntime-web', async () => {
  for (const opset of [13, 15, 18, 21]) {
    const bytes = exportModel(smallCnn(), { opset })
    const peer = await ort.InferenceSession.create(bytes)
    const session = await InferenceSession.create(bytes)
    for (const batch of [1, 3]) {
      const x = randomTensor([batch, 9, 9, 2])
      const expected = await peer.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.dims) })
      const { probabilities } = await session.run({ x })
      assert.equal(probabilities.dims, [batch, 4])
      const difference = Math.max(
        ...probabilities
          .toNumbers()
          .map((value, index) => Math.abs(value - Number(expected.probabilities.data[index]))),
      )
      assert.ok(difference <= 1e-5, `opset ${opset}, batch ${batch}: ${difference}`)
    }
    await session.release()
    await peer.release()
  }
})

test('activations newer than the opset are written in its own ops', async () => {
  const x = randomTensor([2, 7])
  for (const [op, attributes] of [
    ['Gelu', {}],
    ['Gelu', { approximate: 'tanh' }],
    ['Swish', { alpha: 1.5 }],
    ['Mish', {}],
  ] as const) {
    const k = new GraphBuilder()
    k.output(k.op(op, [k.input('x', 'float32', ['batch', 7])], attributes), 'y')
    const graph = k.build()
    const bytes = exportModel(graph, { opset: 17 })
    assert.ok(importModel(bytes).nodes.every((node) => node.op !== op))
    const expected = interpret(graph, new Map([[graph.inputs[0], x]])).get(graph.outputs[0])!
    const peer = await ort.InferenceSession.create(bytes)
    const { y } = await peer.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.dims) })
    const difference = Math.max(...expected.toNumbers().map((value, index) => Math.abs(value - Number(y.data[index]))))
    assert.ok(difference <= 1e-5, `${op}: ${difference}`)
  }
})

test('variables are baked into initializers under their names', () => {
  const weight: Variable = { name: 'dense/kernel', dtype: 'float32', shape: [2, 2], trainable: true }
  const k = new GraphBuilder()
  k.output(k.matMul(k.input('x', 'float32', ['batch', 2]), k.variable(weight)), 'y')
  const graph = k.build()
  assert.is(
    codeOf(() => exportModel(graph)),
    'INVALID_ARGUMENT',
  )
  const content = randomTensor([2, 2])
  const back = importModel(exportModel(bakeVariables(graph, new Map([[weight, content]]))))
  assert.equal(
    [...back.constants].map(([value, tensor]) => [value.name, tensor.data]),
    [['dense/kernel', content.data]],
  )
})

test('lanewise ops never leave: an op without a standard form is refused by name', () => {
  const k = new GraphBuilder()
  const x = k.input('x', 'float32', [4])
  k.output(k.op('lanewise.ReluGradient', [x, x]), 'y')
  assert.throws(() => exportModel(k.build()), /lanewise\.ReluGradient 'ReluGradient'/)
})

test('nodes out of order are sorted; cycles and dangling names are refused', () => {
  const relu = (name: string, input: string, output: string) => ({
    opType: 'Relu',
    name,
    input: [input],
    output: [output],
  })
  const graph = (node: NodeProto[]) =>
    modelOf({ name: 'g', node, input: [valueInfo('x', [2])], output: [valueInfo('y', [2])] })
  const sorted = importModel(graph([relu('b', 'h', 'y'), relu('a', 'x', 'h')]))
  assert.equal(
    sorted.nodes.map(({ name }) => name),
    ['a', 'b'],
  )
  assert.throws(() => importModel(graph([relu('a', 'y', 'h'), relu('b', 'h', 'y')])), /depends on its own output/)
  assert.throws(() => importModel(graph([relu('a', 'a', 'a')])), /depends on its own output/)
  assert.throws(() => importModel(graph([relu('a', 'nowhere', 'y')])), /Relu 'a' reads 'nowhere'/)
})

test('every unsupported op is named at once', () => {
  const node = ['Frobnicate', 'Relu', 'Wobble', 'Wobble'].map((opType, index) => ({
    opType,
    input: ['x'],
    output: [`y${index}`],
  }))
  const bytes = modelOf({ name: 'g', node, input: [valueInfo('x', [2])], output: [] })
  assert.throws(() => importModel(bytes), /Frobnicate \(1 node\), Wobble \(2 nodes\)/)
  assert.is(
    codeOf(() => importModel(bytes)),
    'UNSUPPORTED_OP',
  )
})

test('tensors whose data do not fit their dims are refused', () => {
  const refuse = (proto: TensorProto) =>
    assert.is(
      codeOf(() => decodeTensor(proto)),
      'INVALID_MODEL',
    )
  refuse({ dataType: 1, dims: [3], floatData: [1, 2] })
  refuse({ dataType: 1, dims: [3], rawData: new Uint8Array(11) })
  refuse({ dataType: 1, dims: [-3], floatData: [] })
  refuse({ dataType: 1, dims: [1e9, 1e9, 1e9], rawData: new Uint8Array(4) })
  refuse({ dataType: 99, dims: [1], rawData: new Uint8Array(4) })
  refuse({ dataType: 7, dims: [2], int64Data: [1] })
})

test('a truncated or damaged file is refused with a LanewiseError, never a crash', () => {
  const whole = exportModel(smallCnn())
  for (let length = 0; length < whole.length; length += 7) {
    const code = codeOf(() => importModel(whole.subarray(0, length)))
    assert.ok(code === undefined || !code.startsWith('not'), `${length} bytes: ${code}`)
  }
  for (let round = 0; round < 500; round++) {
    const damaged = whole.slice()
    for (let flips = 1 + random.integer(4); flips > 0; flips--)
      damaged[random.integer(damaged.length)] = random.integer(256)
    const code = codeOf(() => importModel(damaged))
    assert.ok(code === undefined || !code.startsWith('not'), `round ${round}: ${code}`)
  }
})

test('a session checks its feeds and names the input', async () => {
  const session = await InferenceSession.create(exportModel(smallCnn()))
  const failure = async (feeds: Record<string, Tensor>) =>
    session.run(feeds).then(
      () => 'no error',
      (error) => `${error.code} ${error.message}`,
    )
  assert.match(await failure({}), /INVALID_ARGUMENT.*'x'/)
  assert.match(await failure({ x: new Tensor('float64', new Float64Array(162), [1, 9, 9, 2]) }), /TYPE_MISMATCH.*'x'/)
  assert.match(await failure({ x: randomTensor([1, 9, 9, 3]) }), /SHAPE_MISMATCH.*'?x'?/)
  assert.match(await failure({ x: randomTensor([1, 9, 9, 2]), z: randomTensor([1]) }), /INVALID_ARGUMENT.*'z'/)
  await session.release()
  assert.match(await failure({ x: randomTensor([1, 9, 9, 2]) }), 'DISPOSED')
})

test('what a model gives out as it came in keeps its name', async () => {
  const graph: GraphProto = {
    node: [{ opType: 'Relu', name: 'relu', input: ['x'], output: ['y'] }],
    input: [valueInfo('x', [2])],
    output: [valueInfo('y', [2]), valueInfo('x', [2])],
  }
  const bytes = modelOf(graph)
  for (const model of [bytes, exportModel(importModel(bytes))]) {
    const session = await InferenceSession.create(model)
    assert.equal([session.inputNames, session.outputNames], [['x'], ['y', 'x']])
    const { x, y } = await session.run({ x: new Tensor('float32', [-1, 2], [2]) })
    assert.equal(
      [x.toNumbers(), y.toNumbers()],
      [
        [-1, 2],
        [0, 2],
      ],
    )
    await session.release()
  }
})

test('operands whose sizes are only named may fit those whose sizes are known', async () => {
  const named = (name: string, ...dims: (number | string)[]): ValueInfoProto => ({
    name,
    type: {
      tensorType: {
        elemType: 1,
        shape: { dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })) },
      },
    },
  })
  const graph: GraphProto = {
    node: [
      { opType: 'Gemm', name: 'gemm', input: ['a', 'b', 'c'], output: ['product'] },
      { opType: 'PRelu', name: 'prelu', input: ['product', 'slope'], output: ['activated'] },
      { opType: 'Conv', name: 'conv', input: ['image', 'kernels', 'bias'], output: ['features'] },
    ],
    input: [
      named('a', 'rows', 2),
      named('b', 2, 'columns'),
      named('c', 'terms'),
      named('slope', 'slopes'),
      named('image', 1, 1, 3),
      named('kernels', 'filters', 1, 3),
      named('bias', 2),
    ],
    output: [named('activated'), named('features')].map(({ name }) => ({ name })),
  }
  const session = await InferenceSession.create(modelOf(graph))
  const tensor = (data: number[], ...dims: number[]) => new Tensor('float32', data, dims)
  const { activated, features } = await session.run({
    a: tensor([1, -1], 1, 2),
    b: tensor([1, 2, 3, 4], 2, 2),
    c: tensor([1, 0], 2),
    slope: tensor([2], 1),
    image: tensor([1, 2, 3], 1, 1, 3),
    kernels: tensor([1, 1, 1, 0, 0, 1], 2, 1, 3),
    bias: tensor([0, 1], 2),
  })
  assert.equal(
    [activated.toNumbers(), features.toNumbers()],
    [
      [-2, -4],
      [6, 4],
    ],
  )
  await session.release()
})

/** y = x s + b: s and b are inputs, too, so that a caller may replace them. */
const overridable = (irVersion: number): Uint8Array => {
  const scalar = (name: string, value: number) => encodeTensor(new Tensor('float32', [value], [1]), name)
  return encode('ModelProto', {
    irVersion,
    opsetImport: [{ domain: '', version: 18 }],
    graph: {
      node: [
        { opType: 'Neg', name: 'folds', input: ['s'], output: ['minus'] },
        { opType: 'Mul', name: 'scale', input: ['x', 'minus'], output: ['scaled'] },
        { opType: 'Add', name: 'shift', input: ['scaled', 'b'], output: ['y'] },
      ],
      input: [valueInfo('x', [2]), valueInfo('s', [1]), valueInfo('b', [1])],
      output: [valueInfo('y', [2])],
      initializer: [scalar('s', 2), scalar('b', 1)],
    },
  })
}

test('initializers that are inputs, too, may be fed from IR 4 on, and keep their content where they are not', async () => {
  const session = await InferenceSession.create(overridable(8))
  const web = await ort.InferenceSession.create(overridable(8))
  assert.equal(session.inputNames, web.inputNames)
  assert.equal(
    session.overridableMetadata.map(({ name, type, shape }) => [name, type, shape]),
    [
      ['s', 'float32', [1]],
      ['b', 'float32', [1]],
    ],
  )
  const x = new Tensor('float32', [1, 10], [2])
  const one = (value: number) => new Tensor('float32', [value], [1])
  const y = async (feeds: Record<string, Tensor>) => (await session.run({ x, ...feeds }))['y'].toNumbers()
  const { y: expected } = await web.run({ x: new ort.Tensor('float32', Float32Array.of(1, 10), [2]) })
  for (let round = 0; round < 2; round++) {
    assert.equal(await y({}), Array.from(expected.data as Float32Array))
    assert.equal(await y({ s: one(3) }), [-2, -29])
    assert.equal(await y({ b: one(0) }), [-2, -20])
    assert.equal(await y({ b: one(5), s: one(-1) }), [6, 15])
  }
  const refusal = (feeds: Record<string, Tensor>) => y(feeds).then(String, (error) => `${error.code} ${error.message}`)
  assert.match(await refusal({ s: new Tensor('float64', [1], [1]) }), /TYPE_MISMATCH.*'s'/)
  assert.match(await refusal({ s: new Tensor('float32', [1, 2], [2]) }), /SHAPE_MISMATCH.*'s'/)
  await session.release()
  await web.release()
})

test('attributes that an op does not have are refused by name, as onnxruntime does', async () => {
  const relu = (names: readonly string[], opset = 18) =>
    modelOf(
      {
        name: 'g',
        node: [
          {
            opType: 'LeakyRelu',
            name: 'leaky',
            input: ['x'],
            output: ['y'],
            attribute: names.map((name) => ({ name, type: attributeType.FLOAT, f: 0.5 })),
          },
        ],
        input: [valueInfo('x', [2])],
        output: [valueInfo('y', [2])],
      },
      opset,
    )
  const webTakes = (bytes: Uint8Array) =>
    ort.InferenceSession.create(bytes).then(
      (session) => session.release().then(() => true),
      () => false,
    )
  for (const [names, pattern] of [
    [['alpha'], undefined],
    [['alpha', '__mine'], undefined],
    [['beta'], /LeakyRelu 'leaky': .*no attribute 'beta'; it has alpha/],
    [['alpha', 'alpha'], /LeakyRelu 'leaky' gives the attribute 'alpha' more than once/],
  ] as const) {
    const bytes = relu(names)
    assert.is(await webTakes(bytes), pattern === undefined, names.join())
    if (pattern) assert.throws(() => importModel(bytes), pattern)
    else importModel(bytes)
  }
})

test('before IR 4 initializers had to be inputs, and are constants', async () => {
  const session = await InferenceSession.create(overridable(3))
  assert.equal([session.inputNames, session.overridableMetadata], [['x'], []])
  await session.release()
})

test('value_info of another element type is refused; of another shape, noted; its rank serves where inference has none', async () => {
  const relu = (inner: ValueInfoProto) =>
    modelOf({
      node: [
        { opType: 'Relu', name: 'r', input: ['x'], output: ['t'] },
        { opType: 'Relu', name: 's', input: ['t'], output: ['y'] },
      ],
      input: [valueInfo('x', [2, 3])],
      output: [valueInfo('y', [2, 3])],
      valueInfo: [inner],
    })
  const typed: ValueInfoProto = {
    name: 't',
    type: { tensorType: { ...valueInfo('t', [2, 3]).type?.tensorType, elemType: 7 } },
  }
  assert.throws(
    () => importModel(relu(typed)),
    /Relu 'r' gives 't' as float32 \[2, 3\], the model declares it as int64/,
  )
  const session = await InferenceSession.create(relu(valueInfo('t', [2, 4])))
  assert.ok(
    session.notes.some((note) => /'t' is float32 \[2, 3\], the model declares it as float32 \[2, 4\]/.test(note)),
  )
  await session.release()

  const open: ValueInfoProto = { name: 'x', type: { tensorType: { elemType: 1 } } }
  const ranked = importModel(
    modelOf({
      node: [
        { opType: 'Relu', name: 'r', input: ['x'], output: ['t'] },
        { opType: 'Relu', name: 's', input: ['t'], output: ['y'] },
      ],
      input: [open],
      output: [valueInfo('y', [2, 3])],
      valueInfo: [valueInfo('t', [2, 3])],
    }),
  )
  assert.is(ranked.nodes[0].outputs[0].shape.length, 2)
  assert.is(ranked.outputs[0].shape.length, 2)
})

test.run()
