import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Lanewise from '../../src/index.js'
import type { Inference } from '../workloads.js'
import { type Peer, type Place, type Results, type Runner, resultsOf } from './peer.js'

/** A build of lanewise in the folder `dist`, through its public face, so that builds of any age can be compared. */
export async function lanewise(dist: string, name: string, { threads }: Place): Promise<Peer> {
  const library: typeof Lanewise = await import(pathToFileURL(join(dist, 'index.js')).href)
  library.configure({ backend: 'wasm', threads })
  const { variant } = await library.environment()

  async function inference({ model, inputs }: Inference): Promise<Runner> {
    const session = await library.InferenceSession.create(model)
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, { type, data, dims }]) => [key, new library.Tensor(type, data, dims)]),
    )
    return {
      run: () => session.run(feeds),
      results: async (): Promise<Results> => resultsOf(await session.run<Lanewise.Tensor>(feeds)),
      dispose: () => session.release(),
    }
  }
  return { name, version: variant, inference }
}
