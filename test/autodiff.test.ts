import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { interpret } from '../src/backend/reference/evaluate.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Value } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

/** The content of `wanted` after a run with these feeds. */
const run = (builder: GraphBuilder, feeds: readonly (readonly [Value, Tensor])[], wanted: Value): number[] =>
  interpret(builder.build(), new Map(feeds)).get(wanted)!.toNumbers()

const vector = (...values: number[]) => new Tensor('float64', values, [values.length])

const refusal =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof LanewiseError && error.code === code && message.test(error.message)

test('a value used several times collects every contribution', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [2])
  const loss = builder.sum(builder.add(builder.mul(x, x), builder.add(builder.mul(x, 3), x)))
  const [dx] = differentiate(builder, loss, [x])
  assert.equal(run(builder, [[x, vector(2, -1)]], dx!), [8, 2])
})

test('only paths from the asked values to the loss are written', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [3])
  const w = builder.input('w', 'float64', [3])
  const loss = builder.sum(builder.mul(builder.exp(x), w))
  builder.tanh(w)
  const before = builder.nodes.length
  differentiate(builder, loss, [w])
  assert.equal(
    builder.nodes.slice(before).map(({ op }) => op),
    ['Expand', 'Mul'],
  )
})

test('an intermediate value and an unused one may be asked for', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [2])
  const unused = builder.input('unused', 'float64', [2])
  const hidden = builder.mul(x, 2)
  const loss = builder.sum(builder.mul(hidden, hidden))
  const [byHidden, byUnused, byX] = differentiate(builder, loss, [hidden, unused, x])
  const feeds = [
    [x, vector(1, 3)],
    [unused, vector(0, 0)],
  ] as const
  assert.is(byUnused, undefined)
  assert.equal(run(builder, feeds, byHidden!), [4, 12])
  assert.equal(run(builder, feeds, byX!), [8, 24])
})

test('a broadcast operand takes the sum over its copies', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [2, 3])
  const bias = builder.input('bias', 'float64', [3])
  const scale = builder.input('scale', 'float64', [2, 1])
  const loss = builder.sum(builder.mul(builder.add(x, bias), scale))
  const [byBias, byScale] = differentiate(builder, loss, [bias, scale])
  const feeds = [
    [x, new Tensor('float64', [1, 2, 3, 4, 5, 6], [2, 3])],
    [bias, vector(0, 0, 1)],
    [scale, new Tensor('float64', [10, 100], [2, 1])],
  ] as const
  assert.equal(byBias!.shape, [3])
  assert.equal(run(builder, feeds, byBias!), [110, 110, 110])
  assert.equal(byScale!.shape, [2, 1])
  assert.equal(run(builder, feeds, byScale!), [7, 16])
})

test('equal operands of Max and Min: the first takes the gradient; ties of ReduceMax share it', () => {
  const builder = new GraphBuilder()
  const a = builder.input('a', 'float64', [3])
  const b = builder.input('b', 'float64', [3])
  const [da, db] = differentiate(builder, builder.sum(builder.maximum(a, b)), [a, b])
  const feeds = [
    [a, vector(1, 2, 5)],
    [b, vector(1, 3, 5)],
  ] as const
  assert.equal(run(builder, feeds, da!), [1, 0, 1])
  assert.equal(run(builder, feeds, db!), [0, 1, 0])
  const [shared] = differentiate(builder, builder.max(a), [a])
  assert.equal(
    run(
      builder,
      [
        [a, vector(4, 1, 4)],
        [b, vector(0, 0, 0)],
      ],
      shared!,
    ),
    [0.5, 0, 0.5],
  )
})

test('rounding, comparisons and integers cut the gradient', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [2])
  assert.is(differentiate(builder, builder.sum(builder.op('Floor', [x])), [x])[0], undefined)
  const counted = builder.cast(builder.cast(x, 'int32'), 'float64')
  assert.is(differentiate(builder, builder.sum(counted), [x])[0], undefined)
  const gated = builder.where(builder.greater(x, 0), builder.mul(x, 2), builder.op('Floor', [x]))
  const [dx] = differentiate(builder, builder.sum(gated), [x])
  assert.equal(run(builder, [[x, vector(-1, 1)]], dx!), [0, 2])
})

test('gradients can be differentiated again', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [3])
  const [slope] = differentiate(builder, builder.sum(builder.tanh(x)), [x])
  const [curvature] = differentiate(builder, builder.sum(slope!), [x])
  const at = [-0.7, 0.2, 1.1]
  run(builder, [[x, vector(...at)]], curvature!).forEach((value, i) => {
    const t = Math.tanh(at[i])
    assert.ok(Math.abs(value - -2 * t * (1 - t * t)) < 1e-12)
  })
})

test('a seed stands for the gradient by the loss', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float64', [2])
  const seed = builder.constant(vector(10, 100))
  const [dx] = differentiate(builder, builder.mul(x, x), [x], seed)
  assert.equal(run(builder, [[x, vector(1, 2)]], dx!), [20, 400])
})

test('what cannot be differentiated is refused with its name', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  assert.throws(() => differentiate(builder, x, [x]), refusal('SHAPE_MISMATCH', /'x'.*\[2, 3\].*seed/))
  const w = builder.input('w', 'float32', [3])
  const g = builder.input('g', 'float32', [3])
  const stepped = builder.op('lanewise.SgdUpdate', [w, g, builder.scalar(0.1)])
  assert.throws(
    () => differentiate(builder, builder.sum(stepped), [w]),
    refusal('UNSUPPORTED_OP', /lanewise\.SgdUpdate 'SgdUpdate'/),
  )
  const flags = builder.sum(builder.cast(builder.greater(w, 0), 'int32'))
  assert.throws(() => differentiate(builder, flags, [w]), refusal('TYPE_MISMATCH', /int32/))
})

test.run()
