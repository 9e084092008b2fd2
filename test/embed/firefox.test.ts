import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { launchFirefox, runPage } from './browser.js'
import { type WorkOptions, type WorkResult, work } from './pages/work.js'
import { headers, serve } from './server.js'

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

  test('the demo in Firefox trains, recognises and downloads', async () => {
    const folder = join(process.env['LANEWISE_TEST_BUILD']!, 'demo')
    const server = await serve({ headers: headers.isolated, folders: { '/demo/': folder } })
    const page = await firefox.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    try {
      await page.goto(`${server.origin}/demo/index.html`)
      const seen = await page.evaluate(async () => {
        const byId = (id: string) => document.getElementById(id)!
        const until = async (what: string, isSo: () => boolean) => {
          for (const end = Date.now() + 60_000; !isSo(); ) {
            if (Date.now() > end)
              throw new Error(`${what} did not come within 60 s: ${byId('training-error').textContent}`)
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
        const start = byId('start') as HTMLButtonElement
        await until('the environment', () => /thread/.test(byId('environment').textContent!))
        ;(byId('count') as HTMLInputElement).value = '1000'
        ;(byId('epochs') as HTMLInputElement).value = '2'
        start.click()
        await until('the training', () => start.disabled)
        await until('its end', () => !start.disabled)
        const sample = byId('sample') as HTMLSelectElement
        sample.selectedIndex = 4
        sample.dispatchEvent(new Event('change', { bubbles: true }))
        await until('a guess', () => /\d/.test(byId('guess').textContent!))
        let file: Blob | undefined
        URL.createObjectURL = (blob) => {
          file = blob as Blob
          return '#'
        }
        byId('download').click()
        await until('the file', () => file !== undefined)
        return {
          environment: byId('environment').textContent!,
          error: byId('training-error').textContent,
          guess: byId('guess').textContent!,
          bars: byId('bars').children.length,
          curves: document.querySelectorAll('.uplot canvas').length,
          size: file!.size,
        }
      })
      assert.match(seen.environment, /2 threads/)
      assert.is(seen.error, '')
      assert.match(seen.guess, /\d/)
      assert.is(seen.bars, 10)
      assert.ok(seen.curves >= 2)
      assert.ok(seen.size > 50_000, `${seen.size}`)
      assert.equal(errors, [])
    } finally {
      await page.close()
      await server.close()
    }
  })

  test.after(() => firefox.close())
} else test('without Firefox there is nothing to compare', () => {})

test.run()
