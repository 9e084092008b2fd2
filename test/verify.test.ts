import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCases, verifyCase } from '../src/cli/cases.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { encode } from '../src/onnx/encode.js'
import { exportModel } from '../src/onnx/export.js'
import { encodeTensor } from '../src/onnx/tensors.js'
import { withFolder } from './support/cli.js'

/** A backend test of y = 2 x in float16, whose data are `input` and `output`. */
function writeCase(folder: string, input: Tensor, output: Tensor): string {
  const builder = new GraphBuilder('double')
  const x = builder.input('x', 'float16', ['n'])
  builder.output(builder.add(x, x), 'y')
  const path = join(folder, 'double')
  const data = join(path, 'test_data_set_0')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(path, 'model.onnx'), exportModel(builder.build()))
  for (const [name, tensor] of [
    ['input_0.pb', input],
    ['output_0.pb', output],
  ] as const)
    writeFileSync(join(data, name), encode('TensorProto', encodeTensor(tensor)))
  return path
}

const verdictOf = async (folder: string, input: Tensor, output: Tensor) => {
  const [item] = await findCases(writeCase(folder, input, output))
  return verifyCase(item, { backend: 'reference' })
}

test('data of another float type than the model are converted, and a note says so', () =>
  withFolder(async (folder) => {
    const single = (values: readonly number[]) => new Tensor('float32', values, [values.length])
    const verdict = await verdictOf(folder, single([1, 2.5]), single([2, 5]))
    assert.is(verdict.status, 'pass')
    assert.equal(verdict.notes, [
      "'x' was converted from float32 to float16",
      "'y' was converted from float32 to float16",
    ])
    const wrong = await verdictOf(folder, single([1, 2.5]), single([2, 6]))
    assert.is(wrong.status, 'fail')
    assert.match(wrong.reason!, /output 'y': element 1 of 2 is 5, expected 6/)
  }))

test('data that fit need no note; integers are never converted', () =>
  withFolder(async (folder) => {
    const halves = (bits: readonly number[]) => new Tensor('float16', Uint16Array.from(bits), [bits.length])
    assert.equal(await verdictOf(folder, halves([0x3c00]), halves([0x4000])), { status: 'pass' })
    const verdict = await verdictOf(folder, new Tensor('int32', [1], [1]), halves([0x4000]))
    assert.is(verdict.status, 'error')
    assert.match(verdict.reason!, /'x' is float16, it was fed int32/)
  }))

test.run()
