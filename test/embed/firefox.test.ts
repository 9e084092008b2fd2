import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { launchFirefox, runPage } from './browser.js'
import { type WorkOptions, type WorkResult, work } from './pages/work.js'
import { headers } from './server.js'

setRandomSeed(5)
const model = model5.model().toOnnx()
const options: WorkOptions = { threads: 2, deterministic: true }
const firefox = await launchFirefox()

if (firefox) {
  const here = await work(model, options)
  const kinds = {
    'an isolated page': { sent: { ...headers.isolated, ...headers.strict }, threads: 2 },
    'a page that is not isolated': { sent: {}, threads: 1 },
  }
  for (const [kind, { sent, threads }] of Object.entries(kinds))
    test(`${kind} in Firefox predicts and trains to the bits of Node`, async () => {
      const { result } = await runPage<WorkResult>(firefox, 'pages/page.js', {
        headers: sent,
        files: { '/files/model.onnx': model },
        search: `?options=${encodeURIComponent(JSON.stringify(options))}`,
      })
      assert.is(result.environment.threads, threads)
      assert.equal(result.predicted, here.predicted)
      assert.equal(result.losses, here.losses)
      assert.is(result.exported, here.exported)
    })

  test.after(() => firefox.close())
} else test('without Firefox there is nothing to compare', () => {})

test.run()
