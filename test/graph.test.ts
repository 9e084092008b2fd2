import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

test('the builder infers types and names values', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', ['batch', 4])
  const y = builder.output(builder.relu(x), 'y')
  assert.equal(y.shape, ['batch', 4])
  assert.equal(
    builder.build().nodes.map((node) => node.op),
    ['Relu', 'Identity'],
  )
})

test('the builder refuses too many inputs and names the node', () => {
  const builder = new GraphBuilder()
  const x = builder.input('x', 'float32', [4])
  assert.throws(() => builder.op('Relu', [x, x]), /Relu 'Relu'.*takes 1 inputs, got 2/)
})

test.run()
