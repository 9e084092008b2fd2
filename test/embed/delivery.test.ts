import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { inBrowser, launchChromium, launchFirefox, runPage } from './browser.js'
import type { DeliveredPage } from './pages/delivery-page.js'
import type { PicturesPage } from './pages/ort-images-page.js'
import { headers } from './server.js'

setRandomSeed(5)
const model = model5.model().toOnnx()
const integrity = `sha256-${createHash('sha256').update(model).digest('base64')}`
const browsers = { Chromium: launchChromium, Firefox: launchFirefox }

for (const [name, launch] of Object.entries(browsers))
  test(`${name} takes models from URLs, blobs, files, streams, responses and its cache`, () =>
    inBrowser(launch, async (browser) => {
      const { result } = await runPage<DeliveredPage>(browser, 'pages/delivery-page.js', {
        headers: headers.isolated,
        files: { '/files/model.onnx': model },
        search: `?integrity=${encodeURIComponent(integrity)}`,
      })
      const [first, ...others] = Object.values(result.outputs)
      assert.is(others.length, 8)
      assert.is(first.length, 10)
      for (const output of others) assert.equal(output, first)
      assert.equal(result.progress, { address: '/files/model.onnx', loaded: model.length, total: model.length })
      assert.equal(result.faults, {
        'a page in place of a model': 'DATA_NOT_FOUND',
        'no such file': 'DATA_NOT_FOUND',
        'a wrong hash': 'INVALID_DATA',
        'an abort': 'AbortError',
        'a stream that is aborted': 'TimeoutError',
        'no network': 'IO_ERROR',
      })
    }))

for (const [name, launch] of Object.entries(browsers))
  test(`${name}: lanewise/ort makes tensors of canvases, bitmaps, elements and addresses, and pictures of them`, () =>
    inBrowser(launch, async (browser) => {
      const { result } = await runPage<PicturesPage>(browser, 'pages/ort-images-page.js')
      const pixels = [0, 1].flatMap((y) => [0, 1, 2].flatMap((x) => [x * 100, y * 200, 50 + x * 10, 255]))
      assert.is(Object.keys(result.shown).length, 5)
      for (const [source, shown] of Object.entries(result.shown)) assert.equal(shown, pixels, source)
      assert.is(result.channels, 4)
    }))

test.run()
