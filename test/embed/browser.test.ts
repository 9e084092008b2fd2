import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { launchChromium, runPage } from './browser.js'
import type { WatchedPage } from './pages/watched-page.js'
import { type WorkOptions, type WorkResult, work } from './pages/work.js'
import { headers } from './server.js'

setRandomSeed(5)
const model = model5.model().toOnnx()
const options: WorkOptions = { threads: 2, deterministic: true }
const here = await work(model, options)
const browser = await launchChromium()

const run = (script: string, sent: Readonly<Record<string, string>>, chosen = options) =>
  runPage<WorkResult>(browser!, script, {
    headers: sent,
    files: { '/files/model.onnx': model },
    search: `?options=${encodeURIComponent(JSON.stringify(chosen))}`,
  })

/** Whether a page computed what Node does, bit for bit. */
function same({ predicted, losses, exported }: WorkResult): void {
  assert.equal(predicted, here.predicted)
  assert.equal(losses, here.losses)
  assert.is(exported, here.exported)
}

if (browser) {
  test('Node: ten steps lower the loss', () => {
    assert.ok(here.losses[9] < here.losses[0], here.losses.join(' '))
  })

  test('an isolated page: two threads, the bits of Node', async () => {
    const { result, console } = await run('pages/page.js', headers.isolated)
    assert.is(result.environment.threads, 2)
    assert.equal(console, [])
    same(result)
  })

  test('a page that is not isolated: one thread, and the reason once', async () => {
    const { result, console } = await run('pages/page.js', {})
    assert.is(result.environment.threads, 1)
    assert.match(result.environment.notes.join(), /Cross-Origin-Opener-Policy/)
    assert.is(console.length, 1)
    assert.match(console[0], /one thread.*Cross-Origin-Opener-Policy/)
    same(result)
  })

  test("under the policy script-src 'self' 'wasm-unsafe-eval'", async () => {
    const { result, console } = await run('pages/page.js', { ...headers.isolated, ...headers.strict })
    assert.is(result.environment.threads, 2)
    assert.equal(console, [])
    same(result)
  })

  test("under Trusted Types, by the page's policy for the addresses of workers", async () => {
    const trusted = `
      trustedTypes.createPolicy('default', {
        createScriptURL: (address) => address.startsWith(location.origin + '/lanewise/') ? address : undefined,
      })
      import('./page.js')`
    const policy = `${headers.strict['content-security-policy']}; require-trusted-types-for 'script'`
    const { result, console } = await runPage<WorkResult>(browser, 'pages/trusted.js', {
      headers: { ...headers.isolated, 'content-security-policy': policy },
      files: { '/files/model.onnx': model, '/lanewise/pages/trusted.js': trusted },
      search: `?options=${encodeURIComponent(JSON.stringify(options))}`,
    })
    assert.equal([result.environment.notes, console], [[], []])
    same(result)
  })

  test('where the policy forbids workers, the page computes, and says so', async () => {
    const policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'"
    const { result, console } = await run('pages/page.js', { ...headers.isolated, 'content-security-policy': policy })
    assert.is(result.environment.threads, 1)
    assert.match(result.environment.notes.join(), /the page waits while it computes: /)
    assert.is(console.filter((line) => /the page waits while it computes/.test(line)).length, 1)
    same(result)
  })

  test('kernels that do not come: the run says which, and where they belong', async () => {
    const damaged = ['shared-simd', 'single-simd'].map((build) => [`/lanewise/lanewise-${build}.wasm`, 'no kernels'])
    const files = { '/files/model.onnx': model, ...Object.fromEntries(damaged) }
    const search = `?options=${encodeURIComponent(JSON.stringify(options))}`
    const message = await runPage(browser, 'pages/page.js', { files, search }).then(
      () => 'the page ran',
      (error: Error) => error.message,
    )
    assert.match(message, /cannot load the kernels single-simd, part core: .*must lie beside the bundle/)
  })

  test('a model larger than the memory is refused, and the page lives on', async () => {
    const { result } = await runPage<{ code: string; after: number }>(browser, 'pages/memory-page.js')
    assert.equal(result, { code: 'OUT_OF_MEMORY', after: 3 })
  })

  test('a page leaves kernels and waiting to its worker, and its event loop turns between any two steps', async () => {
    for (const sent of [headers.isolated, {}]) {
      const { result } = await runPage<WatchedPage>(browser, 'pages/watched-page.js', {
        headers: sent,
        files: { '/files/model.onnx': model },
      })
      assert.equal(result.own, [], 'what the page itself compiled, started or waited for')
      assert.ok(result.runs >= result.predictions + result.steps, `${result.runs} runs were sent to the worker`)
      assert.ok(result.turns >= result.predictions + result.steps, `${result.turns} turns of the event loop meanwhile`)
      // Where any work takes longer than a slice of time, plans are made with a turn between any two passes.
      assert.ok(result.turnsOfImport > 8, `${result.turnsOfImport} turns while a model is imported`)
      assert.ok(result.turnsOfPlanning > 15, `${result.turnsOfPlanning} turns while plans are made`)
    }
  })

  test('in a worker of the page', async () => {
    const { result } = await run('pages/worker-page.js', headers.isolated)
    assert.is(result.environment.threads, 2)
    same(result)
  })

  test.after(() => browser.close())
} else test('without a browser there is nothing to compare', () => {})

test.run()
