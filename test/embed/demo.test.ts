import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sampleOf } from '../../demo/samples.js'
import { InferenceSession, layers, sequential, syntheticDigits, Tensor } from '../../src/index.js'
import { launchChromium, webgpuFlags } from './browser.js'
import { headers, serve } from './server.js'

const folder = join(process.env['LANEWISE_TEST_BUILD'] ?? '', 'demo')
const strict =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'"
const browser = await launchChromium()

interface Visit extends BrowserContextOptions {
  readonly sent?: Readonly<Record<string, string>>
  readonly in?: Browser
}

/** Opens the demo under a path of its own, and fails when the page writes an error or breaks its policy. */
async function visit(
  { sent = headers.isolated, in: chosen = browser!, ...options }: Visit,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const server = await serve({ headers: sent, folders: { '/some/where/': folder } })
  const context = await chosen.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  try {
    await page.goto(`${server.origin}/some/where/index.html`)
    await page
      .locator('#environment')
      .getByText(/thread|webgpu/)
      .waitFor()
    await work(page)
    assert.equal(errors, [])
  } finally {
    await context.close()
    await server.close()
  }
}

const field = (page: Page, name: string) => page.getByRole('spinbutton', { name, exact: true })

const choice = (page: Page, name: string) => page.getByRole('combobox', { name })

const textOf = async (page: Page, id: string): Promise<string> => (await page.locator(`#${id}`).textContent()) ?? ''

/** Trains to the end. */
async function train(page: Page, images: number, epochs: number): Promise<void> {
  await field(page, 'Images to train on').fill(`${images}`)
  await field(page, 'Epochs').fill(`${epochs}`)
  await page.getByRole('button', { name: /^(Train|Continue)$/ }).click()
  await ended(page)
}

/** Waits for the end of a training; fails with what the page says against it. */
async function ended(page: Page): Promise<void> {
  await page.locator('#start:enabled').waitFor()
  assert.is(await textOf(page, 'training-error'), '')
}

const bars = (page: Page): Promise<string[]> => page.locator('#bars .share').allTextContents()

const numberOf = async (page: Page, id: string): Promise<number> => Number.parseFloat(await textOf(page, id))

/** How far the page can be scrolled sideways. */
const sideways = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

/** Controls and pictures of the page without a name, by what Chromium tells assistive technology. */
async function nameless(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send('Accessibility.getFullAXTree')
  const named = ['button', 'combobox', 'spinbutton', 'textbox', 'link', 'image', 'img', 'application', 'region']
  const shown = nodes.filter((node) => !node.ignored && named.includes(String(node.role?.value)))
  assert.ok(shown.length > 20, `only ${shown.length} controls were found`)
  return shown.filter((node) => !String(node.name?.value ?? '').trim()).map((node) => JSON.stringify(node.role?.value))
}

/** Fed to MNIST's reader: the IDX files of drawn digits. */
function idxFiles(): { name: string; mimeType: string; buffer: Buffer }[] {
  const file = (name: string, type: number, dims: readonly number[], payload: Uint8Array) => ({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from([0, 0, type, dims.length, ...dims.flatMap((dim) => [0, 0, dim >> 8, dim & 255]), ...payload]),
  })
  return [
    { part: 'train', count: 300, seed: 3 },
    { part: 't10k', count: 100, seed: 4 },
  ].flatMap(({ part, count, seed }) => {
    const { x, y } = syntheticDigits(count, seed)
    const pixels = Uint8Array.from(x.data as Float32Array, (pixel) => Math.round(255 * pixel))
    return [
      file(`${part}-images-idx3-ubyte`, 8, [count, 28, 28], pixels),
      file(`${part}-labels-idx1-ubyte`, 8, [count], y.data as Uint8Array),
    ]
  })
}

if (browser) {
  test('trains, shows curves, maps and mistakes; the trained file runs in the page and in Node', () =>
    visit({ sent: { ...headers.isolated, 'content-security-policy': strict }, acceptDownloads: true }, async (page) => {
      assert.match(await textOf(page, 'environment'), /2 threads/)
      assert.match(await textOf(page, 'trained'), /not trained/)
      await train(page, 1200, 3)
      assert.is(await numberOf(page, 'figure-step'), 57)
      assert.ok((await numberOf(page, 'figure-loss')) < 1.5)
      assert.ok((await numberOf(page, 'figure-time')) > 0)
      assert.match(await textOf(page, 'synthetic'), /SYNTHETIC/)
      for (const name of ['Loss', 'Accuracy']) {
        const chart = page.getByRole('img', { name: new RegExp(`^${name} after 57 steps: training .*validation`) })
        assert.is(await chart.count(), 1)
        assert.ok(Number(await chart.getAttribute('data-points')) >= 4)
      }
      await page.getByText('The curves as a table').click()
      assert.is(await page.locator('#epochs-table tbody tr').count(), 3)
      const cells = (await page.locator('#matrix td').allTextContents()).map(Number)
      assert.is(cells.length, 100)
      assert.is(
        cells.reduce((sum, count) => sum + count, 0),
        1000,
      )

      await choice(page, 'Or take a ready digit').selectOption('3')
      await page
        .locator('#guess')
        .getByText(/^A \d, with/)
        .waitFor()
      await page.getByRole('img', { name: /40 feature maps of layer conv2d_1, 10 by 10/ }).waitFor()
      assert.ok(
        await page
          .locator('#maps canvas')
          .first()
          .evaluate((canvas: HTMLCanvasElement) => {
            const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
            return new Set(data).size > 20
          }),
      )

      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download ONNX' }).click(),
      ])
      assert.is(download.suggestedFilename(), 'model5.onnx')
      const bytes = new Uint8Array(await readFile(await download.path()))
      const session = await InferenceSession.create(bytes)
      // After training the page picks digits of the validation images at random; these are known.
      const pixels = await page.evaluate(() => {
        const { data } = (document.getElementById('pad') as HTMLCanvasElement)
          .getContext('2d')!
          .getImageData(0, 0, 560, 560)
        return Array.from(
          { length: 784 },
          (_, i) => data[4 * ((Math.floor(i / 28) * 20 + 10) * 560 + (i % 28) * 20 + 10)],
        )
      })
      const digit = Float32Array.from(pixels, (light) => light / 255)
      const { [session.outputNames[0]]: scores } = await session.run({
        [session.inputNames[0]]: new Tensor('float32', digit, [1, 28, 28, 1]),
      })
      await session.release()
      const shown = (await bars(page)).map((text) => Number.parseFloat(text) / 100)
      // The canvas has 256 levels, the text one decimal.
      scores.toNumbers().forEach((score, i) => {
        assert.ok(Math.abs(score - shown[i]) < 0.01, `digit ${i}: ${score} in Node, ${shown[i]} in the page`)
      })

      await page.getByRole('button', { name: 'Inspect the network above' }).click()
      await page.getByText('model5.onnx: 16 nodes, 108,870 parameters.').waitFor()
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText(/^Done in/).waitFor()
      const best = await page.locator('#model-results tbody th').first().textContent()
      assert.is(Number(best), shown.indexOf(Math.max(...shown)))
      assert.equal(await nameless(page), [])
    }))

  test('a page that is not isolated: one thread and why; stop, continue, start anew', () =>
    visit({ sent: {} }, async (page) => {
      assert.match(await textOf(page, 'environment'), /1 thread\..*Cross-Origin-Opener-Policy/)
      await choice(page, 'Network').selectOption('model4')
      await field(page, 'Images to train on').fill('2000')
      await field(page, 'Epochs').fill('500')
      await page.getByRole('button', { name: 'Train', exact: true }).click()
      await page
        .locator('#progress')
        .getByText(/step \d+: training/)
        .waitFor()
      await choice(page, 'Or take a ready digit').selectOption('7')
      await page
        .locator('#guess')
        .getByText(/^A \d, with/)
        .waitFor()
      await page.getByRole('button', { name: 'Stop' }).click()
      await ended(page)
      const steps = await numberOf(page, 'figure-step')
      assert.ok(steps > 0 && steps < 500 * 32)
      await train(page, 640, 1)
      assert.is(await numberOf(page, 'figure-step'), steps + 10)
      await page.getByRole('button', { name: 'Start anew' }).click()
      assert.match(await textOf(page, 'trained'), /not trained/)
      assert.is(await page.locator('#epochs-table tbody tr').count(), 0)
    }))

  test('by keyboard: the focus goes from Train to Stop and back; Stop ends the making of digits, too', () =>
    visit({}, async (page) => {
      const focused = () => page.evaluate(() => document.activeElement?.id)
      await field(page, 'Images to train on').fill('60000')
      await page.getByRole('button', { name: 'Train', exact: true }).focus()
      await page.keyboard.press('Enter')
      await page.locator('#progress').getByText('Drawing synthetic digits').waitFor()
      assert.is(await focused(), 'stop')
      await page.keyboard.press('Enter')
      await ended(page)
      assert.is(await textOf(page, 'progress'), 'Stopped.')
      assert.is(await focused(), 'start')
      await train(page, 128, 1)
      assert.is(await numberOf(page, 'figure-step'), 2)
      const ready = choice(page, 'Or take a ready digit')
      assert.is(await ready.inputValue(), '')
      assert.is((await ready.locator('option').allTextContents())[0], 'choose …')
    }))

  test('a phone: no scrolling sideways, drawing by touch; MNIST from files', () =>
    visit({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }, async (page) => {
      assert.is(await sideways(page), 0)
      await choice(page, 'Digits').selectOption('files')
      await page.locator('#files').setInputFiles(idxFiles())
      await train(page, 300, 1)
      assert.match(await textOf(page, 'mistakes-hint'), /of 100 validation images/)
      assert.not(await page.locator('#synthetic').isVisible())
      await page.locator('#pad').tap({ position: { x: 100, y: 100 } })
      await page
        .locator('#guess')
        .getByText(/^A \d, with/)
        .waitFor()
      await page.getByRole('button', { name: 'Inspect the network above' }).click()
      await page.getByText(/16 nodes/).waitFor()
      assert.is(await sideways(page), 0)
    }))

  test('the pad by pointer and by keyboard', () =>
    visit({}, async (page) => {
      const box = (await page.locator('#pad').boundingBox())!
      await page.mouse.move(box.x + 100, box.y + 80)
      await page.mouse.down()
      await page.mouse.move(box.x + 200, box.y + 260, { steps: 5 })
      await page.mouse.up()
      await page
        .locator('#guess')
        .getByText(/^A \d, with/)
        .waitFor()
      const drawn = await bars(page)
      await page.locator('#pad').focus()
      await page.keyboard.press('Escape')
      await page.locator('#guess').getByText('Nothing is drawn').waitFor()
      await page.keyboard.press('ArrowUp')
      assert.is(await textOf(page, 'pad-place'), 'row 14, column 15, empty')
      for (let i = 0; i < 8; i++) await page.keyboard.press('Shift+ArrowDown')
      assert.is(await textOf(page, 'pad-place'), 'row 22, column 15, ink')
      await page
        .locator('#guess')
        .getByText(/^A \d, with/)
        .waitFor()
      assert.not.equal(await bars(page), drawn)
      await page.keyboard.press('Delete')
      assert.is(await textOf(page, 'pad-place'), 'row 22, column 15, empty')
    }))

  test('ONNX files: one that takes no digit runs on zeros, a broken one is refused with a reason', () =>
    visit({}, async (page) => {
      const net = sequential([layers.dense({ units: 2, inputShape: [3], biasInitializer: 'ones' })])
      const file = (name: string, content: Uint8Array) => ({ name, mimeType: '', buffer: Buffer.from(content) })
      const picker = page.getByLabel(/Drop an ONNX file/)
      await picker.setInputFiles(file('small.onnx', net.toOnnx()))
      await page.getByText(/small.onnx: \d+ nodes, 8 parameters/).waitFor()
      assert.equal(await page.locator('#feed option').allTextContents(), ['zeros'])
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText(/^Done in/).waitFor()
      assert.match(await textOf(page, 'model-results'), /float32 \[1, 2\].*0.*1/)
      await picker.setInputFiles(file('cut.onnx', net.toOnnx().subarray(0, 100)))
      await page
        .getByRole('alert')
        .getByText(/truncated/)
        .waitFor()
      assert.not(await page.locator('#model').isVisible())
      const isKept = await page.evaluate(
        ([content]) => {
          const dataTransfer = new DataTransfer()
          dataTransfer.items.add(new File([Uint8Array.from(content)], 'dropped.onnx'))
          const drop = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer })
          return !document.querySelector('h1')!.dispatchEvent(drop)
        },
        [[...net.toOnnx()]],
      )
      assert.ok(isKept, 'the browser would leave the page')
      await page.getByText(/dropped.onnx: \d+ nodes, 8 parameters/).waitFor()
      await page.getByRole('button', { name: 'Run', exact: true }).click()
      await page.getByText(/^Done in/).waitFor()
    }))

  test('on WebGPU a trained network goes on', async () => {
    const withGpu = (await launchChromium(webgpuFlags))!
    try {
      await visit({ in: withGpu }, async (page) => {
        await choice(page, 'Network').selectOption('model4')
        await choice(page, 'Digits').selectOption('files')
        await page.locator('#files').setInputFiles(idxFiles())
        await train(page, 192, 1)
        await choice(page, 'Runs on').selectOption('webgpu')
        await page
          .locator('#environment')
          .getByText(/^webgpu/)
          .waitFor()
        assert.is(await page.getByRole('button', { name: 'Continue' }).isEnabled(), true)
        await train(page, 192, 1)
        assert.is(await numberOf(page, 'figure-step'), 6)
        assert.is(await page.locator('#epochs-table tbody tr').count(), 2)
      })
    } finally {
      await withGpu.close()
    }
  })

  test('ready digits: one of each class', () => {
    for (let label = 0; label < 10; label++) assert.is(sampleOf(label).length, 784)
  })

  test.after(() => browser.close())
} else test('without a browser there is no page to look at', () => {})

test.run()
