import { test } from 'uvu'
import { configure } from '../src/environment.js'
import { testGoldenRuns } from './support/golden.js'
import { openWebGpu } from './support/webgpu.js'

const gpu = await openWebGpu('the Keras training runs on webgpu')
if (gpu) {
  gpu.dispose()
  configure({ backend: 'webgpu' })
  testGoldenRuns()
} else test('there is no adapter', () => {})

test.run()
