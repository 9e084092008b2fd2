import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { accelerates } from '../src/backend/webgpu/lower/index.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { CallContext } from '../src/keras/index.js'
import type { HostLayer } from '../src/keras/layers/host-layer.js'
import type { Layer } from '../src/keras/layers/layer.js'
import { operators } from '../src/ops/index.js'
import { optimise } from '../src/optimise/index.js'
import { applied, examples, makeLayer } from './support/every-layer.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const isHostLayer = (layer: Layer): layer is Layer & HostLayer => 'afterHost' in layer

for (const [name, { inputs, dtype = 'float32' }] of Object.entries(examples))
  test(`${name}: every op of a training step has a kernel on WebGPU`, () => {
    const layer = makeLayer(name)
    const { output } = applied(name, layer, 2)
    const builder = new GraphBuilder('step')
    const step = builder.input('step', 'int32', [])
    const context = new CallContext(builder, { training: true, step: () => step, seed: 1 })
    const values = inputs.map((shape, i) => builder.input(`x${i}`, dtype === 'string' ? 'int64' : dtype, [2, ...shape]))
    const [, ...others] = Object.keys(output.node.args)
    const named = Object.fromEntries(others.map((key, i) => [key, values[i + 1]]))
    const [y] =
      // Of strings, the host gives the step their places or bins.
      dtype === 'string' && isHostLayer(layer)
        ? [layer.afterHost(values[0], context)]
        : layer.write(others.length > 0 ? [values[0]] : values, context, named)
    if (y.dtype === 'float32') {
      const loss = builder.mean(builder.square(y))
      const by = [
        ...layer.weights.filter(({ trainable }) => trainable).map((weight) => builder.variable(weight)),
        ...values.filter((value) => value.dtype === 'float32'),
      ]
      differentiate(builder, loss, by).forEach((gradient, i) => {
        if (gradient) builder.output(gradient, `gradient${i}`)
      })
      builder.output(loss, 'loss')
    } else builder.output(y, 'y')
    for (const { variable, value } of context.updates) builder.update(variable, value)
    const graph = optimise(builder.build(), { evaluate, accelerates })
    const refused = graph.nodes.filter(
      (node) => !operators[node.op].traits?.view && !accelerates(node, (value) => graph.constants.get(value)),
    )
    assert.equal([...new Set(refused.map(({ op }) => op))].sort(), [])
  })

test.run()
