import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../models/model5.js'
import { describeOnnx, LanewiseError } from '../src/index.js'
import { decodeModel } from '../src/onnx/proto.js'

test('describeOnnx: what the file itself says', async () => {
  const net = model5.model()
  const bytes = net.toOnnx()
  const { graph } = decodeModel(bytes)
  const described = await describeOnnx(bytes)
  assert.equal(
    described.nodes.map(({ op }) => op),
    graph!.node!.map(({ opType }) => opType),
  )
  assert.is(
    Object.values(described.ops).reduce((sum, count) => sum + count, 0),
    graph!.node!.length,
  )
  assert.equal(described.inputs, [{ name: graph!.input![0].name!, type: 'float32', shape: ['batch', 28, 28, 1] }])
  assert.is(described.outputs[0].name, graph!.output![0].name)
  assert.is(
    described.parameters,
    net.weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  )
  assert.is(described.producer, 'lanewise')
  assert.ok(described.constantBytes >= 4 * described.parameters)
})

test('describeOnnx: a cut file is refused', async () => {
  const bytes = model5.model().toOnnx()
  const error = await describeOnnx(bytes.subarray(0, 1000)).catch((cause: unknown) => cause)
  assert.ok(error instanceof LanewiseError && error.code === 'INVALID_MODEL')
})

test.run()
