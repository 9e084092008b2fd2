import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { encode } from '../src/onnx/encode.js'
import type { NodeProto, TensorProto } from '../src/onnx/messages.js'
import { encodeTensor } from '../src/onnx/tensors.js'
import { InferenceSession } from '../src/session.js'
import { fails } from './support/errors.js'

// What exporters and optimizers write besides plain nodes of ONNX.

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const random = new RandomGenerator(8)
const drawn = (dims: readonly number[], from: number, to: number): Tensor =>
  new Tensor(
    'float32',
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.uniform(from, to)),
    dims,
  )

const port = (name: string, dims?: readonly number[]) => ({
  name,
  type: {
    tensorType: { elemType: 1, ...(dims ? { shape: { dim: dims.map((dimValue) => ({ dimValue })) } } : {}) },
  },
})

/** A model of `node`s over x [2, 3, 4]. */
const modelOf = (
  node: readonly NodeProto[],
  outputs: readonly string[],
  { opset = 17, initializer = [] as readonly TensorProto[] } = {},
): Uint8Array =>
  encode('ModelProto', {
    irVersion: 8,
    opsetImport: ['', 'com.microsoft', 'com.microsoft.nchwc', 'ai.onnx.contrib', 'my.ops'].map((domain, i) => ({
      domain,
      version: i === 0 ? opset : 1,
    })),
    graph: { name: 'one', node, initializer, input: [port('x', [2, 3, 4])], output: outputs.map((name) => port(name)) },
  })

async function agree(model: Uint8Array): Promise<void> {
  const x = drawn([2, 3, 4], -1, 1)
  const peer = await ort.InferenceSession.create(model)
  const expected = await peer.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.dims) })
  const session = await InferenceSession.create(model, { threads: 1 })
  const results = await session.run({ x })
  for (const name of session.outputNames) {
    assert.equal(results[name].dims, [...expected[name].dims])
    results[name].toNumbers().forEach((element, i) => {
      assert.ok(Math.abs(element - Number(expected[name].data[i])) < 1e-5, `${name} ${i}`)
    })
  }
  await session.release()
  await peer.release()
}

const operands = ['scale', 'bias', 'mean', 'variance']
const statistics = operands.map((name) => encodeTensor(drawn([3], 0.5, 1), name))

for (const opset of [7, 9, 13])
  test(`a BatchNormalization with the dead outputs of PyTorch’s training export, opset ${opset}`, async () => {
    const node = { opType: 'BatchNormalization', input: ['x', ...operands], output: ['y', 'm', 'v', 'sm', 'sv'] }
    await agree(modelOf([node], ['y', 'm', 'v'], { opset, initializer: statistics }))
    await fails(
      () => InferenceSession.create(modelOf([node], ['y', 'sm'], { opset, initializer: statistics })),
      /no node computes the output 'sm'/,
    )
  })

test('outputs called as what every object has', () =>
  agree(
    modelOf(
      [
        { opType: 'Neg', input: ['x'], output: ['constructor'] },
        { opType: 'Abs', input: ['constructor'], output: ['toString'] },
      ],
      ['constructor', 'toString'],
    ),
  ))

for (const [domain, opType, cure] of [
  ['com.microsoft.nchwc', 'Conv', /nchwc\.Conv \(1 node\); onnxruntime saved .* level extended/],
  ['com.microsoft', 'EPContext', /compiled for one accelerator/],
  ['ai.onnx.contrib', 'BertTokenizer', /onnxruntime-extensions: export the model without them/],
  ['com.microsoft', 'WhisperBeamSearch', /export the decoder alone/],
  ['', 'ATen', /PyTorch left its own ops/],
  ['my.ops', 'Blend', /write them as functions of the model/],
  ['', 'Blend', /lanewise does not have: Blend \(1 node\)$/],
] as const)
  test(`an op that lanewise does not have: ${domain}.${opType}`, () =>
    fails(() => InferenceSession.create(modelOf([{ opType, domain, input: ['x'], output: ['y'] }], ['y'])), cure))

test.run()
