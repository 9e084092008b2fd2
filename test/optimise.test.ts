import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { printGraph } from '../src/graph/print.js'
import { countOf, opsOf, optimiseChecked } from './support/graphs.js'
import { inferenceGraph, trainingGraph } from './support/networks.js'

test('a convolutional network runs channels-last, its transposes gone, biases and activations fused', () => {
  const graph = optimiseChecked(inferenceGraph(3))
  assert.equal(
    opsOf(graph).filter((op) => op !== 'Reshape' && op !== 'Identity'),
    [
      'lanewise.ConvNhwc',
      'lanewise.MaxPoolNhwc',
      'lanewise.ConvNhwc',
      'lanewise.MaxPoolNhwc',
      'lanewise.FusedMatMul',
      'lanewise.FusedMatMul',
      'Softmax',
    ],
  )
  const attributes = graph.nodes.map((node) => node.attributes['activation']).filter((name) => name)
  assert.equal(attributes, ['relu', 'relu', 'tanh'])
  assert.ok(graph.nodes.filter((node) => node.op === 'lanewise.FusedMatMul').every((node) => node.inputs[2]))
  assert.equal(graph.outputs[0].name, 'probabilities')
})

test('its training step has no transpose either', () => {
  const graph = optimiseChecked(trainingGraph(3))
  assert.equal(countOf(graph, 'Transpose'), 0, printGraph(graph))
  assert.equal(countOf(graph, 'Relu') + countOf(graph, 'Tanh') + countOf(graph, 'MatMul'), 0)
  assert.equal(countOf(graph, 'lanewise.ConvWeightGradientNhwc'), 2)
  assert.equal(countOf(graph, 'lanewise.ConvInputGradientNhwc'), 1)
})

test.run()
