import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { launchChromium, runPage, webgpuFlags } from './browser.js'
import { type WorkOptions, type WorkResult, work } from './pages/work.js'
import { headers } from './server.js'

setRandomSeed(5)
const model = model5.model().toOnnx()
/** Small: the processor does the GPU's work here. */
const size = { batch: 6, steps: 3 }
const browser = await launchChromium(webgpuFlags)

/** The outputs of webgpu may be this far from those of wasm. */
const TOLERANCE = 1e-3

function assertClose(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.is(actual.length, expected.length, what)
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - expected[i]) <= TOLERANCE, `${what} ${i} is ${value}, wasm gives ${expected[i]}`)
  })
}

if (browser) {
  const expected = await work(model, { ...size, threads: 1 })
  for (const [where, script] of [
    ['a page', 'pages/page.js'],
    ['a worker of a page', 'pages/worker-page.js'],
  ])
    test(`${where} predicts and trains on navigator.gpu`, async () => {
      const options: WorkOptions = { ...size, backend: 'webgpu' }
      const { result } = await runPage<WorkResult>(browser, script, {
        headers: headers.isolated,
        files: { '/files/model.onnx': model },
        search: `?options=${encodeURIComponent(JSON.stringify(options))}`,
      })
      assert.is(result.environment.backend, 'webgpu')
      assert.ok(result.environment.webgpu.available)
      assertClose(result.predicted, expected.predicted, 'prediction')
      assertClose(result.losses, expected.losses, 'loss')
    })

  test.after(() => browser.close())
} else test('without a browser there is nothing to compare', () => {})

test.run()
