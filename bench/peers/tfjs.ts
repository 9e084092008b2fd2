import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Tensor } from '../../src/core/tensor.js'
import { agreement, type LayerConfig, layersOf, type Samples, samplesOf, type Trained } from '../training.js'
import type { Inference, Training } from '../workloads.js'
import type { Peer, Place, Runner } from './peer.js'
import { type Tf, type TfModel, type TfTensor, translate } from './tfjs-graph.js'

async function take(tensor: TfTensor): Promise<Tensor> {
  const taken = new Tensor('float32', (await tensor.data()).slice(), tensor.shape)
  tensor.dispose()
  return taken
}
const own = (tf: Tf, { data, dims }: Tensor): TfTensor => tf.tensor(data as Float32Array, dims)

/** The layers of the course's networks, from Keras's configuration. */
const layers: Readonly<Record<string, (tf: Tf, config: LayerConfig['config'], first: object) => unknown>> = {
  Dense: (tf, { units, activation }, first) => tf.layers.dense({ units, activation, ...first }),
  Conv2D: (tf, { filters, kernel_size: kernelSize, activation }, first) =>
    tf.layers.conv2d({ filters, kernelSize, activation, ...first }),
  MaxPooling2D: (tf, { pool_size: poolSize }) => tf.layers.maxPooling2d({ poolSize }),
  Flatten: (tf) => tf.layers.flatten({}),
  Dropout: (tf, { rate }) => tf.layers.dropout({ rate }),
}

function networkOf(tf: Tf, { recipe, shape, weights }: Training): TfModel {
  const net = tf.sequential()
  layersOf(recipe.model()).forEach(({ class_name, config }, index) => {
    const layer = layers[class_name]
    if (!layer) throw new Error(`there is no rule for the layer ${class_name}`)
    net.add(layer(tf, config, index === 0 ? { inputShape: shape } : {}))
  })
  net.setWeights(weights.map((weight) => own(tf, weight)))
  const { optimizer, loss } = recipe.compile()
  const name = typeof optimizer === 'string' ? optimizer : (optimizer as { className: string }).className.toLowerCase()
  const rate = (optimizer as { learningRate?: number }).learningRate
  net.compile({ optimizer: tf.train[name](rate ?? (name === 'sgd' ? 0.01 : 0.001)), loss })
  return net
}

/** tfjs with its wasm or webgpu backend; it has no threads in Node. */
export async function tfjs({ bench, threads, backend }: Place): Promise<Peer | undefined> {
  if (threads > 1) return undefined
  const load = createRequire(join(bench, 'package.json'))
  const folder = join(bench, `node_modules/@tensorflow/tfjs-backend-${backend}`)
  const { log, warn } = console
  console.warn = () => {}
  const tf = load('@tensorflow/tfjs') as Tf
  const implementation = load(`@tensorflow/tfjs-backend-${backend}`)
  if (backend === 'wasm') implementation.setWasmPaths(join(folder, 'dist/'))
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no backend ${backend} here`)
  Object.assign(console, { log, warn })

  async function inference({ model, inputs }: Inference): Promise<Runner> {
    const run = await translate(tf, model, inputs)
    const execute = async () => {
      const taken: Record<string, Tensor> = {}
      for (const [name, tensor] of Object.entries(tf.tidy(() => run(inputs)))) taken[name] = await take(tensor)
      return taken
    }
    return { run: execute, results: execute, dispose: () => tf.disposeVariables() }
  }

  async function training(workload: Training): Promise<Runner> {
    const net = networkOf(tf, workload)
    const network: Trained = {
      step: async ({ x, y }: Samples) => Number(await net.trainOnBatch(own(tf, x), own(tf, y))),
      predict: (x) => take(tf.tidy(() => net.predict(own(tf, x)))),
    }
    const results = await agreement(network, workload.shape, workload.random)
    const { x, y } = samplesOf(workload.shape, workload.batch)
    const [images, labels] = [own(tf, x), own(tf, y)]
    return {
      run: async () => void (await net.trainOnBatch(images, labels)),
      results: async () => results,
      dispose: () => net.dispose(),
    }
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return { name: `tfjs-${backend}`, version, inference, training }
}
