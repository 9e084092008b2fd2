import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networks } from '../bench/networks.js'
import { Gpu } from '../src/backend/webgpu/device.js'
import type { WebGpuBackend } from '../src/backend/webgpu/index.js'
import type { Dispatch } from '../src/backend/webgpu/kernel.js'
import { Tensor } from '../src/core/tensor.js'
import { configure, defaultBackend } from '../src/environment.js'

/**
 * Dawn's null adapter has the features of a modern GPU and checks every text and binding as a GPU's driver would, but
 * computes nothing: what a software adapter never runs is at least known to compile.
 */
const created = await import('webgpu').then(
  ({ create }) => create(['backend=null']),
  (error: Error) => error.message,
)

if (typeof created !== 'string') {
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: created }, configurable: true })
  const texts: string[] = []
  const { retainPipeline } = Gpu.prototype
  Gpu.prototype.retainPipeline = function (this: Gpu, dispatch: Dispatch) {
    texts.push(dispatch.code)
    return retainPipeline.call(this, dispatch)
  }

  for (const precision of ['float32', 'mixed'] as const)
    test(`the texts for hardware compile: training and prediction, ${precision}`, async () => {
      texts.length = 0
      configure({ backend: 'webgpu', products: 'tiled', precision })
      const { tuning } = (await defaultBackend()) as WebGpuBackend
      assert.is(tuning.operands, precision === 'mixed' ? 'float16' : 'float32')
      assert.ok(tuning.subgroups)
      for (const network of networks) {
        const net = network.create()
        net.compile(network.options())
        const x = new Tensor('float32', new Float32Array(128 * network.inputShape.reduce((a, b) => a * b)), [
          128,
          ...network.inputShape,
        ])
        const y = new Tensor('float32', new Float32Array(1280), [128, 10])
        await net.trainOnBatch(x, y)
        await net.predict(x)
        net.dispose()
      }
      const holding = (what: string) => texts.filter((text) => text.includes(what)).length
      assert.is(holding('enable f16') > 0, precision === 'mixed')
      assert.ok(holding('enable subgroups') > 0)
      assert.ok(holding('array<vec4<f32>>') > 0)
    })
} else {
  console.log(`SKIP texts for hardware on webgpu: ${created}`)
  test('there is no Dawn', () => {})
}

test.run()
