import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Recipe } from '../../src/cli/recipe.js'
import type { Tensor } from '../../src/core/tensor.js'
import type * as Lanewise from '../../src/index.js'
import { resultsOf } from '../results.js'
import { agreement, type Samples, samplesOf, type Trained } from '../training.js'
import type { Inference, Start, Training } from '../workloads.js'
import type { Peer, Place, Runner } from './peer.js'
import { startup } from './startup.js'

type Library = typeof Lanewise

/** Samples in one `fit`, in batches. */
const batchesPerEpoch = 10
/** How long one `fit` should take, so that its start is a small part of it. */
const fitMs = 60

/** A network of the course with the workload's weights, compiled, in one build of lanewise. */
export function trainedOf(library: Library, { recipe, weights }: Training) {
  const own = ({ type, data, dims }: Tensor) => new library.Tensor(type, data, dims)
  const net = recipe.model() as Lanewise.Model
  net.setWeights(weights.map(own))
  net.compile(recipe.compile())
  return {
    step: async ({ x, y }: Samples) => (await net.trainOnBatch(own(x), own(y)))['loss'],
    predict: (x: Tensor) => net.predict(own(x)),
    fit: ({ x, y }: Samples, batchSize: number, epochs: number) =>
      net.fit(own(x), own(y), { batchSize, epochs, verbose: 0 }),
    dispose: () => net.dispose(),
  } satisfies Trained & Record<string, unknown>
}

/** A build of lanewise in the folder `dist`, through its public face, so that builds of any age can be compared. */
export async function lanewise(dist: string, name: string, place: Place): Promise<Peer> {
  const { threads, backend } = place
  const open = async (file: string) => import(pathToFileURL(join(dist, file)).href)
  const library: Library = await open('index.js')
  library.configure({ backend, threads })
  const { variant } = await library.environment()

  async function inference({ model, inputs }: Inference): Promise<Runner> {
    const session = await library.InferenceSession.create(model)
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, { type, data, dims }]) => [key, new library.Tensor(type, data, dims)]),
    )
    return {
      run: () => session.run(feeds),
      results: async () => resultsOf(await session.run<Tensor>(feeds)),
      dispose: () => session.release(),
    }
  }

  async function training(workload: Training): Promise<Runner> {
    const { default: recipe }: { default: Recipe } = await open(`models/${workload.name}.js`)
    const { batch, shape, random } = workload
    const network = trainedOf(library, { ...workload, recipe })
    const results = resultsOf(await agreement(network, shape, random))
    const samples = samplesOf(shape, batchesPerEpoch * batch)
    await network.fit(samples, batch, 1)
    const start = performance.now()
    await network.fit(samples, batch, 2)
    const epochs = Math.ceil((2 * fitMs) / (performance.now() - start))
    return {
      run: () => network.fit(samples, batch, epochs),
      units: epochs * batchesPerEpoch,
      results: async () => results,
      dispose: () => network.dispose(),
    }
  }
  // The peers only infer: so does lanewise/ort.
  const start = async (workload: Start) =>
    startup('lanewise', pathToFileURL(join(dist, 'ort.js')).href, workload, place)

  return { name, version: variant, inference, training, start }
}
