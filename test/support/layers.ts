import * as ort from 'onnxruntime-web'
import * as assert from 'uvu/assert'
import { createWasmBackend } from '../../src/backend/wasm/index.js'
import { compile } from '../../src/compile.js'
import { RandomGenerator } from '../../src/core/random.js'
import { Tensor } from '../../src/core/tensor.js'
import { GraphBuilder } from '../../src/graph/builder.js'
import {
  type Argument,
  CallContext,
  input,
  type Layer,
  type Model,
  model,
  modelFromJSON,
  setRandomSeed,
} from '../../src/keras/index.js'
import { loadEverything } from './operators.js'

await loadEverything()

const random = new RandomGenerator(11)
// Initial weights and noise of the tests that use this are the same each time.
setRandomSeed(11)

/** Standard normal values. */
export const normals = (...dims: number[]): Tensor =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
    dims,
  )

export const values = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array, Number)

/** Largest difference of two lists of numbers of the same length. */
export function far(actual: readonly number[], expected: readonly number[]): number {
  assert.is(actual.length, expected.length)
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0)
}

/** A model of one layer: `inputs` are shapes of samples, `options` what the layer is called with besides. */
export function around(
  layer: Layer,
  inputs: readonly (readonly (number | null)[])[],
  options: Readonly<Record<string, Argument>> = {},
  batchSize: number | null = null,
): Model {
  const entries = inputs.map((shape) => input(batchSize === null ? { shape } : { batchShape: [batchSize, ...shape] }))
  return model({ inputs: entries, outputs: layer.applyAll(entries.length === 1 ? entries[0] : entries, options) })
}

/** Weights that are neither zeros nor ones, so that each of them matters. */
export function shake(net: Model): void {
  net.setWeights(
    net.getWeights().map((weight) => {
      const noise = normals(...weight.dims)
      return new Tensor(
        'float32',
        Float32Array.from(values(noise), (value) => value / 2),
        weight.dims,
      )
    }),
  )
}

const listed = async (net: Model, x: readonly Tensor[]): Promise<Tensor[]> => {
  const outputs = await net.predict<Tensor | Tensor[]>(x as Tensor[], { batchSize: x[0].dims[0] })
  return Array.isArray(outputs) ? outputs : [outputs]
}

export { listed as predictions }

/** onnxruntime-web gives the predictions of the exported model within `bound`. */
export async function agreesInOnnx(net: Model, x: readonly Tensor[], bound = 2e-5): Promise<void> {
  const session = await ort.InferenceSession.create(net.toOnnx())
  const feeds = Object.fromEntries(
    session.inputNames.map((name, i) => [
      name,
      new ort.Tensor(x[i].type as 'float32', x[i].data as Float32Array, [...x[i].dims]),
    ]),
  )
  const theirs = await session.run(feeds)
  const ours = await listed(net, x)
  session.outputNames.forEach((name, i) => {
    assert.equal(theirs[name].dims, ours[i].dims)
    const most = far(values(ours[i]), Array.from(theirs[name].data as Float32Array, Number))
    assert.ok(most <= bound, `output ${name} is ${most} from onnxruntime-web's`)
  })
}

/** The model from its own JSON has the same config, weights by the same names, and predicts the same. */
export async function survivesJson(net: Model, x: readonly Tensor[]): Promise<void> {
  const json = net.toJSON()
  const copy = modelFromJSON(json)
  assert.equal(copy.toJSON(), json)
  assert.equal(
    copy.weights.map(({ name }) => name),
    net.weights.map(({ name }) => name),
  )
  copy.setWeights(net.getWeights())
  const [ours, theirs] = [await listed(net, x), await listed(copy, x)]
  ours.forEach((output, i) => {
    assert.equal(values(theirs[i]), values(output))
  })
  copy.dispose()
}

/** One step of plain gradient descent moves weights by the slopes that central differences give, at up to `most` places of each. */
export async function slopesAgree(net: Model, x: readonly Tensor[], bound = 5e-3, most = 6): Promise<void> {
  const y = (await listed(net, x)).map((output) => normals(...output.dims))
  const target = y.length === 1 ? y[0] : y
  const before = net.getWeights()
  const loss = async (weights: readonly Tensor[]) => {
    net.setWeights(weights)
    return (await net.testOnBatch(x as Tensor[], target as Tensor)).loss
  }
  net.compile({
    optimizer: { module: 'keras.optimizers', class_name: 'SGD', config: { learning_rate: 1 } },
    loss: 'mse',
  })
  await net.trainOnBatch(x as Tensor[], target as Tensor)
  const after = net.getWeights()
  const step = 1e-2
  for (const [at, weight] of net.weights.entries()) {
    if (!weight.trainable) continue
    const size = before[at].size
    for (let count = 0; count < Math.min(most, size); count++) {
      const place = Math.floor((count * size) / Math.min(most, size))
      const moved = (by: number) =>
        before.map((tensor, i) => {
          const data = Float32Array.from(values(tensor))
          if (i === at) data[place] += by
          return new Tensor('float32', data, tensor.dims)
        })
      const slope = ((await loss(moved(step))) - (await loss(moved(-step)))) / (2 * step)
      const taken = values(before[at])[place] - values(after[at])[place]
      assert.ok(
        Math.abs(slope - taken) <= bound * Math.max(1, Math.abs(slope)),
        `${weight.name}[${place}]: gradient ${taken}, by differences ${slope}`,
      )
    }
  }
  net.setWeights(before)
}

/** What a layer gives for `x` in each of some training steps, by a wasm backend with `threads`. */
export async function inSteps(layer: Layer, x: Tensor, steps: readonly number[], threads = 1): Promise<Tensor[]> {
  layer.ensureBuilt([[null, ...x.dims.slice(1)]])
  const builder = new GraphBuilder('training')
  const counter = builder.input('step', 'int32', [])
  const context = new CallContext(builder, { training: true, step: () => counter, seed: 5 })
  const [y] = layer.write([builder.input('x', x.type, x.dims)], context)
  builder.output(y, 'y')
  const backend = await createWasmBackend({ threads })
  await backend.ready()
  const executable = compile(builder.build(), backend)
  executable.write('x', x.data as Float32Array)
  const outputs: Tensor[] = []
  for (const step of steps) {
    executable.write('step', Int32Array.of(step))
    await executable.run()
    const data = (await executable.read('y')) as Float32Array
    outputs.push(new Tensor(y.dtype, data.slice(), y.shape as readonly number[]))
  }
  executable.dispose()
  backend.dispose()
  return outputs
}

/** What a layer gives for `x` in training step `step`, by a wasm backend with `threads`. */
export const inTraining = async (layer: Layer, x: Tensor, step = 0, threads = 1): Promise<Tensor> =>
  (await inSteps(layer, x, [step], threads))[0]
