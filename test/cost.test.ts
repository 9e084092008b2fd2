import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { costOf } from '../src/ops/cost.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

test('products and convolutions cost two operations a multiply-add, views nothing', () => {
  const k = new GraphBuilder()
  const x = k.input('x', 'float32', [2, 3, 8, 8])
  const y = k.op('Conv', [x, k.constant(Tensor.zeros('float32', [5, 3, 3, 3]))])
  const rows = k.reshape(y, [2, 180])
  const logits = k.matMul(rows, k.constant(Tensor.zeros('float32', [180, 10])))
  k.output(k.relu(logits))
  const costs = k.build().nodes.map((node) => [node.op, costOf(node)])
  assert.equal(costs, [
    ['Conv', { flops: 2 * (2 * 5 * 36) * 27, bytes: 4 * (384 + 135 + 360) }],
    ['Reshape', { flops: 0, bytes: 0 }],
    ['MatMul', { flops: 2 * 20 * 180, bytes: 4 * (360 + 1800 + 20) }],
    ['Relu', { flops: 20, bytes: 160 }],
  ])
})

test.run()
