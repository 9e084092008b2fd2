import { configure } from '../../src/environment.js'
import * as lanewise from '../../src/index.js'
import { agreement } from '../training.js'
import type { Training } from '../workloads.js'
import { trainedOf } from './lanewise.js'
import type { Peer, Runner } from './peer.js'

/** Milliseconds a step of Keras 3.15 on TensorFlow 2.21, native with AVX-512, two threads, on a 2-core Xeon. */
const measuredElsewhere: Readonly<Record<string, number>> = { model3: 3.8, model5: 18.8 }

/**
 * Keras's times as constants, as Keras is no library of Node's. What lanewise computes is held to its own reference
 * backend here, which the tests hold to Keras.
 */
export const kerasNative: Peer = {
  name: 'Keras (constant)',
  version: '3.15, TensorFlow 2.21',
  training(workload: Training): Promise<Runner> | undefined {
    const constantMs = measuredElsewhere[workload.name]
    if (constantMs === undefined) return undefined
    return Promise.resolve({
      constantMs,
      run: () => {},
      async results() {
        configure({ backend: 'reference' })
        const network = trainedOf(lanewise, workload)
        const results = await agreement(network, workload.shape, workload.random)
        network.dispose()
        return results
      },
      dispose: () => {},
    })
  },
}
