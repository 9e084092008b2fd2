import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VariableStore } from '../src/backend/store.js'
import { compile } from '../src/compile.js'
import type { Variable } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { defaultBackend } from '../src/environment.js'
import { layers, sequential } from '../src/keras/index.js'
import { resolveCompileOptions } from '../src/keras/training/compiled.js'
import { buildStep, type DataSource } from '../src/keras/training/step.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const networks = {
  dense: () =>
    sequential([
      layers.dense({ units: 30, activation: 'sigmoid', inputShape: [784] }),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 10, activation: 'sigmoid' }),
    ]),
  convolutional: () =>
    sequential([
      layers.conv2d({ filters: 4, kernelSize: 5, activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 20, activation: 'tanh' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
}

/** How the backend runs the training step of `name`, as text. */
async function describeStep(name: keyof typeof networks, optimizer: string, loss: string): Promise<string> {
  const net = networks[name]()
  const store = new VariableStore(await defaultBackend(), ({ shape }) => Tensor.zeros('float32', shape))
  const compiled = resolveCompileOptions({ optimizer, loss, metrics: ['accuracy'] }, net.outputNames)
  const variables = new Map<string, Variable>()
  const variable = (key: string, shape: readonly number[]): Variable => {
    if (!variables.has(key)) variables.set(key, { name: key, dtype: 'float32', shape, trainable: false })
    return variables.get(key)!
  }
  const resident = (key: string, sample: readonly number[]): DataSource => ({
    name: key,
    dtype: 'float32',
    sample,
    resident: variable(key, [20, ...sample]),
  })
  const { graph } = buildStep({
    network: net.network,
    compiled,
    sources: {
      x: [resident('x', net.inputs[0].shape.slice(1) as readonly number[])],
      y: [resident('y', [10])],
      weights: [undefined],
    },
    batch: 8,
    mode: 'update',
    trainable: net.weights,
    slotsOf: (weight) => compiled.optimizer.slots.map((slot) => variable(`${weight.name}/${slot.name}`, weight.shape)),
    accumulatorOf: (weight) => variable(`${weight.name}/accumulated`, weight.shape),
    averageOf: (weight) => variable(`${weight.name}/average`, weight.shape),
    seed: 1,
  })
  const executable = compile(graph, store.backend, { storageOf: store.storageOf })
  const text = executable.describe()
  executable.dispose()
  store.dispose()
  return text
}

for (const optimizer of ['sgd', 'adam', 'rmsprop', 'adagrad'])
  for (const [name, loss] of [
    ['dense', 'meanSquaredError'],
    ['convolutional', 'categoricalCrossentropy'],
  ] as const)
    test(`the training step of a ${name} network with ${optimizer} is one tape of kernels`, async () => {
      const text = await describeStep(name, optimizer, loss)
      assert.match(text, /gemm/)
      assert.not.match(text, /^reference /m)
      assert.is(text.match(/^tape /gm)?.length, 1)
    })

test.run()
