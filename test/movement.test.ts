import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Node } from '../src/core/ir.js'
import { uniforms } from '../src/core/random.js'
import { type Shape, sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const infer = (
  op: string,
  shape: Shape,
  operands: readonly (readonly number[])[],
  attributes: Node['attributes'] = {},
) => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', shape)
  return builder.op(op, [x, ...operands.map((values) => builder.ints(values))], attributes).shape
}

const max = 2 ** 31 - 1

const symbolic: readonly (readonly [
  op: string,
  shape: Shape,
  operands: readonly (readonly number[])[],
  expected: Shape,
])[] = [
  ['Reshape', ['batch', 20, 12, 12], [[-1, 2880]], ['batch', 2880]],
  ['Reshape', ['batch', 20, 12, 12], [[0, -1]], ['batch', 2880]],
  ['Reshape', ['batch', 784], [[-1, 28, 28, 1]], ['batch', 28, 28, 1]],
  ['Reshape', ['batch', 'time', 8], [[-1, 8]], ['batch * time', 8]],
  ['Reshape', ['batch', 'time', 8], [[0, -1, 4]], ['batch', '2 * time', 4]],
  ['Reshape', ['batch', 3], [[-1]], ['3 * batch']],
  ['Flatten', ['batch', 4, 5], [], ['batch', 20]],
  ['Squeeze', ['batch', 1, 5], [[1]], ['batch', 5]],
  ['Unsqueeze', ['batch', 5], [[0, -1]], [1, 'batch', 5, 1]],
  [
    'Slice',
    ['batch', 7],
    [
      [0, 1],
      [max, 5],
    ],
    ['batch', 4],
  ],
  ['Slice', ['batch', 7], [[1], [-1], [-1]], ['batch', 5]],
  ['Tile', ['batch', 3], [[1, 2]], ['batch', 6]],
  ['Pad', ['batch', 3], [[0, 1, 0, 2]], ['batch', 6]],
  ['Expand', ['batch', 1], [[1, 7]], ['batch', 7]],
]

for (const [op, shape, operands, expected] of symbolic)
  test(`${op} of [${shape}] by ${JSON.stringify(operands)} is [${expected}]`, () => {
    assert.equal(infer(op, shape, operands), expected)
  })

test('a shape that is computed keeps its rank and gets symbols', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', ['batch', 8])
  const target = builder.concat([builder.op('Shape', [x], { end: 1 }), builder.ints([2, 4])], 0)
  const y = builder.op('Reshape', [x, target])
  assert.is(y.shape.length, 3)
  assert.ok(y.shape.every((dim) => typeof dim === 'string'))
})

const refused: readonly (readonly [
  op: string,
  shape: Shape,
  operands: readonly (readonly number[])[],
  message: RegExp,
])[] = [
  ['Reshape', [2, 3], [[4, -1]], /no multiple of 4/],
  ['Reshape', [2, 3], [[7]], /it has 6 elements/],
  ['Reshape', [2, 3], [[-1, -1]], /at most one entry may be -1/],
  ['Reshape', [2, 3], [[1, 2, 0]], /keeps a dimension that is not there/],
  ['Squeeze', [2, 3], [[0]], /axis 0 of \[2, 3\] is not 1/],
  ['Unsqueeze', [2, 3], [[0, 0]], /given twice/],
  ['Slice', [5], [[0], [5], [0], [0]], /the step along axis 0 is 0/],
  ['Slice', [5], [[0, 1], [5]], /must have one length/],
  ['Split', [7], [[3, 3]], /do not sum to the dimension 7/],
  ['Tile', [2, 3], [[2]], /do not fit/],
  ['Pad', [2, 3], [[1, 1]], /two numbers for each of 2 axes/],
  ['Pad', [2], [[-2, -1]], /take more than \[2\] has/],
]

for (const [op, shape, operands, message] of refused)
  test(`${op} of [${shape}] by ${JSON.stringify(operands)} is refused`, () => {
    assert.throws(
      () => infer(op, shape, operands),
      (error: unknown) =>
        error instanceof LanewiseError && error.code === 'SHAPE_MISMATCH' && message.test(error.message),
    )
  })

test('Gather refuses an index out of range', () => {
  const node: Node = { op: 'Gather', name: 'pick', inputs: [], outputs: [], attributes: {} }
  const x = Tensor.zeros('float32', [3, 2])
  assert.throws(() => evaluate(node, [x, new Tensor('int64', [3], [1])]), /Gather 'pick'.*index 3 is out of range/)
})

test('Dropout keeps what the stated random numbers say, under another mask each step', () => {
  const attributes = { rate: 0.3, seed: 5, stream: 2 }
  const node: Node = { op: 'lanewise.Dropout', name: 'drop', inputs: [], outputs: [], attributes }
  const x = Tensor.full('float32', [10, 100], 7)
  const [first, second] = [0, 1].map((step) => evaluate(node, [x, Tensor.scalar(step, 'int32')])[0].toNumbers())
  const expected = Array.from(uniforms(sizeOf(x.dims), 5, 2, 0), (random) => (random >= 0.3 ? Math.fround(7 / 0.7) : 0))
  assert.equal(first, expected)
  assert.not.equal(first, second)
  const kept = second.filter((value) => value !== 0).length
  assert.ok(Math.abs(kept - 700) < 60, `${kept} of 1000 were kept`)
})

test.run()
