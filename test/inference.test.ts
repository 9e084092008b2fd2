import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import type { Shape } from '../src/core/shape.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const shapeOf = (write: (builder: GraphBuilder) => { shape: Shape }): Shape => write(new GraphBuilder()).shape

test('symbolic dimensions pass through broadcasting, reductions and products', () => {
  assert.equal(
    shapeOf((g) => g.add(g.input('x', 'float32', ['batch', 5]), g.input('y', 'float32', [5]))),
    ['batch', 5],
  )
  assert.equal(
    shapeOf((g) => g.mul(g.input('x', 'float32', ['batch', 1]), g.input('y', 'float32', [7]))),
    ['batch', 7],
  )
  assert.equal(
    shapeOf((g) => g.sum(g.input('x', 'float32', ['batch', 5, 7]), [-1])),
    ['batch', 5],
  )
  assert.equal(
    shapeOf((g) => g.max(g.input('x', 'float32', ['batch', 5, 7]), [0, 2], true)),
    [1, 5, 1],
  )
  assert.equal(
    shapeOf((g) => g.argMax(g.input('x', 'float32', ['batch', 10]))),
    ['batch'],
  )
  assert.equal(
    shapeOf((g) => g.matMul(g.input('x', 'float32', ['batch', 3, 'k']), g.input('y', 'float32', ['k', 7]))),
    ['batch', 3, 7],
  )
  assert.equal(
    shapeOf((g) =>
      g.op('Gemm', [g.input('x', 'float32', ['batch', 5]), g.input('w', 'float32', [7, 5])], { transB: 1 }),
    ),
    ['batch', 7],
  )
})

test('axes that are known only at run time leave symbols', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [3, 5, 7])
  const axes = builder.input('axes', 'int64', [2])
  assert.is(builder.op('ReduceSum', [x, axes]).shape.length, 3)
  const reduced = builder.op('ReduceSum', [x, axes], { keepdims: 0 })
  assert.is(reduced.shape.length, 1)
  assert.type(reduced.shape[0], 'string')
})

const refusals: readonly (readonly [title: string, code: string, RegExp, (builder: GraphBuilder) => unknown])[] = [
  [
    'shapes that do not broadcast',
    'SHAPE_MISMATCH',
    /Add 'Add' \(x: float32 \[3\], y: float32 \[4\]\).*do not broadcast/,
    (g) => g.add(g.input('x', 'float32', [3]), g.input('y', 'float32', [4])),
  ],
  [
    'operands of two dtypes',
    'TYPE_MISMATCH',
    /Mul 'Mul'.*float32 and int32.*cast/,
    (g) => g.mul(g.input('x', 'float32', [3]), g.input('y', 'int32', [3])),
  ],
  [
    'an axis out of range',
    'SHAPE_MISMATCH',
    /ReduceMean.*axis 2 is out of range for rank 2/,
    (g) => g.mean(g.input('x', 'float32', [3, 4]), [2]),
  ],
  [
    'an axis given twice',
    'SHAPE_MISMATCH',
    /ReduceSum.*given twice/,
    (g) => g.sum(g.input('x', 'float32', [3, 4]), [1, -1]),
  ],
  [
    'inner dimensions that differ',
    'SHAPE_MISMATCH',
    /MatMul.*4 and 5/,
    (g) => g.matMul(g.input('x', 'float32', [3, 4]), g.input('y', 'float32', [5, 3])),
  ],
  ['integers under a float function', 'TYPE_MISMATCH', /Tanh.*int32/, (g) => g.tanh(g.input('x', 'int32', [3]))],
  [
    'a condition that is not bool',
    'TYPE_MISMATCH',
    /Where.*must be bool, got float32/,
    (g) => g.where(g.input('c', 'float32', [3]), g.input('x', 'float32', [3]), 0),
  ],
  [
    'targets of another shape than the logits',
    'SHAPE_MISMATCH',
    /SoftmaxCrossEntropy.*\[8, 10\] and \[8, 9\]/,
    (g) =>
      g.emit('lanewise.SoftmaxCrossEntropy', [g.input('logits', 'float32', [8, 10]), g.input('y', 'float32', [8, 9])]),
  ],
  [
    'an optimizer slot of the wrong shape',
    'SHAPE_MISMATCH',
    /MomentumUpdate.*\[3, 4\].*\[4, 3\]/,
    (g) => {
      const [w, dw] = [g.input('w', 'float32', [3, 4]), g.input('dw', 'float32', [3, 4])]
      return g.emit('lanewise.MomentumUpdate', [w, dw, g.input('m', 'float32', [4, 3]), g.scalar(0.1)])
    },
  ],
]

for (const [title, code, message, write] of refusals)
  test(`inference refuses ${title}`, () => {
    assert.throws(
      () => write(new GraphBuilder()),
      (error: unknown) => error instanceof LanewiseError && error.code === code && message.test(error.message),
    )
  })

test.run()
