import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { WebGpuBackend } from '../src/backend/webgpu/index.js'
import { Tensor } from '../src/core/tensor.js'
import { configure, defaultBackend } from '../src/environment.js'
import { layers, sequential } from '../src/keras/index.js'
import { uniform } from './cases/case.js'
import { openWebGpu } from './support/webgpu.js'

const gpu = await openWebGpu('memory on webgpu')
gpu?.dispose()

if (gpu)
  test('nothing grows over 1000 steps, and dispose gives all of it back', async () => {
    configure({ backend: 'webgpu' })
    const backend = (await defaultBackend()) as WebGpuBackend
    const net = sequential([
      layers.dense({ units: 8, activation: 'relu', inputShape: [6] }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ])
    net.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' })
    const x = new Tensor('float32', Float32Array.from({ length: 30 }, uniform(1)), [5, 6])
    const y = new Tensor('int32', Int32Array.from([0, 1, 2, 1, 0]), [5])
    const steps = async (count: number) => {
      for (let step = 0; step < count; step++) await net.trainOnBatch(x, y)
    }
    await steps(10)
    const before = backend.usage
    assert.ok(before.buffers > 0 && before.pipelines > 0)
    await steps(1000)
    assert.equal(backend.usage, before)
    net.dispose()
    assert.ok(backend.usage.buffers < before.buffers, 'the model gives its buffers back')
    backend.dispose()
    const { buffers, bytes, pipelines } = backend.usage
    assert.equal([buffers, bytes, pipelines], [0, 0, 0])
  })
else test('there is no adapter', () => {})

test.run()
