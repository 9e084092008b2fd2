import { differentiate } from '../../src/autodiff/differentiate.js'
import type { Graph, Value, Variable } from '../../src/core/ir.js'
import { GraphBuilder } from '../../src/graph/builder.js'
import { loadEverything } from './operators.js'

await loadEverything()

const weight = (name: string, shape: readonly number[]): Variable => ({
  name,
  dtype: 'float32',
  shape,
  trainable: true,
})

/** A convolution as Keras exports it: channels-last outside, ONNX's Conv between transposes, the kernel [h, w, in, out]. */
function convolution(builder: GraphBuilder, x: Value, kernel: Value, bias: Value): Value {
  const w = builder.transpose(kernel, [3, 2, 0, 1])
  const y = builder.op('Conv', [builder.transpose(x, [0, 3, 1, 2]), w, bias])
  return builder.relu(builder.transpose(y, [0, 2, 3, 1]))
}

function pool(builder: GraphBuilder, x: Value): Value {
  const y = builder.op('MaxPool', [builder.transpose(x, [0, 3, 1, 2])], { kernel_shape: [2, 2], strides: [2, 2] })
  return builder.transpose(y, [0, 2, 3, 1])
}

/** Two convolutions with pools, two dense layers: the shape of the course's model5, smaller. */
export function convolutionalNetwork(batch: number | string) {
  const builder = new GraphBuilder('network')
  const variables = {
    kernel1: weight('kernel1', [3, 3, 1, 4]),
    bias1: weight('bias1', [4]),
    kernel2: weight('kernel2', [2, 2, 4, 6]),
    bias2: weight('bias2', [6]),
    dense1: weight('dense1', [24, 7]),
    denseBias1: weight('denseBias1', [7]),
    dense2: weight('dense2', [7, 5]),
    denseBias2: weight('denseBias2', [5]),
  }
  const read = (name: keyof typeof variables) => builder.variable(variables[name])
  const x = builder.input('x', 'float32', [batch, 12, 12, 1])
  let y = pool(builder, convolution(builder, x, read('kernel1'), read('bias1')))
  y = pool(builder, convolution(builder, y, read('kernel2'), read('bias2')))
  y = builder.reshape(y, [0, -1])
  y = builder.tanh(builder.add(builder.matMul(y, read('dense1')), read('denseBias1')))
  const logits = builder.add(builder.matMul(y, read('dense2')), read('denseBias2'))
  return { builder, logits, variables: Object.values(variables) }
}

export function inferenceGraph(batch: number | string): Graph {
  const { builder, logits } = convolutionalNetwork(batch)
  builder.output(builder.softmax(logits), 'probabilities')
  return builder.build()
}

/** Forward, loss, backward and an SGD update of every weight in one graph. */
export function trainingGraph(batch: number): Graph {
  const { builder, logits, variables } = convolutionalNetwork(batch)
  const target = builder.input('target', 'float32', [batch, 5])
  const rate = builder.variable({ name: 'rate', dtype: 'float32', shape: [], trainable: false })
  const [losses] = builder.emit('lanewise.SoftmaxCrossEntropy', [logits, target], {}, 2)
  const loss = builder.output(builder.mean(losses), 'loss')
  const weights = variables.map((variable) => builder.variable(variable))
  differentiate(builder, loss, weights).forEach((gradient, index) => {
    builder.update(variables[index], builder.op('lanewise.SgdUpdate', [weights[index], gradient, rate]))
  })
  return builder.build()
}
