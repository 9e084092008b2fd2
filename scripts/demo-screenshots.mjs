// Pictures for docs/images, of the demo's views and of a report: `npm run demo:screenshots`, with chromium on the PATH and
// dist/ built. The report is of MNIST where it is found, and says so where not.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { root } from './build.mjs'
import { buildDemo, demoFolder } from './demo.mjs'
import { isolated, serveFolder } from './static-server.mjs'

const images = join(root, 'docs/images')
const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()

/** What the demo shows once a digit is drawn, a network trained and its file run. */
async function prepare(page, address) {
  page.on('pageerror', (error) => console.error(`page: ${error.message}`))
  page.on('console', (message) => message.type() === 'error' && console.error(`console: ${message.text()}`))
  await page.goto(address)
  await page.getByRole('spinbutton', { name: 'Epochs' }).fill('4')
  await page.getByLabel('Images to train on').fill('3000')
  await page.getByRole('button', { name: 'Train', exact: true }).click()
  await page.getByText('Training has ended.').waitFor({ state: 'attached', timeout: 120_000 })
  await page.getByLabel('Or take a ready digit').selectOption('3')
  await page.getByRole('button', { name: 'Inspect the network above' }).click()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText(/^Done in/).waitFor()
}

/** Views by the name of their file: the section, the width of the window, the colours. */
const views = [
  { name: 'draw', section: '#draw', width: 860 },
  { name: 'train', section: '#train', width: 860 },
  { name: 'inside', section: '#inside', width: 860 },
  { name: 'mistakes', section: '#mistakes', width: 860 },
  { name: 'inspect', section: '#inspect', width: 860 },
  { name: 'train-dark', section: '#train', width: 860, colorScheme: 'dark' },
  { name: 'phone', width: 390, height: 844, colorScheme: 'light' },
]

/** The report of a short training. */
async function reportPicture(browser) {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'))
  try {
    const file = join(folder, 'report.html')
    const options = [
      '--limit',
      '8000',
      '--epochs',
      '6',
      '--optimizer',
      'adam',
      '--validation-split',
      '0.1',
      '--seed',
      '4',
    ]
    execFileSync(process.execPath, [join(root, 'dist/cli.js'), 'train', 'model4', ...options, '--report', file])
    const page = await browser.newPage({ viewport: { width: 900, height: 1500 } })
    await page.goto(pathToFileURL(file).href)
    const path = join(images, 'report.png')
    await page.evaluate(() => document.querySelectorAll('section')[2].scrollIntoView())
    await page.screenshot({ path })
    console.log(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

mkdirSync(images, { recursive: true })
await buildDemo()
const server = await serveFolder(demoFolder, { headers: isolated })
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  const page = await browser.newPage({ viewport: { width: 860, height: 900 } })
  await prepare(page, server.address)
  for (const { name, section, width, height = 900, colorScheme = 'light' } of views) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height })
    await page.waitForTimeout(300)
    const path = join(images, `demo-${name}.png`)
    if (section) await page.locator(section).screenshot({ path })
    else {
      await page.evaluate(() => scrollTo(0, 0))
      await page.screenshot({ path })
    }
    console.log(path)
  }
  await reportPicture(browser)
} finally {
  await browser.close()
  await server.close()
}
