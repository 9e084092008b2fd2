import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { launchChromium } from './browser.js'

const folder = mkdtempSync(join(tmpdir(), 'lanewise-site-'))

/** The addresses that a page links to or loads. */
const addressesOf = (html: string): string[] =>
  [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, address]) => address.replaceAll('&amp;', '&'))

/** What an address names in its page: an id, or the old name of an anchor. */
const names = (html: string, anchor: string): boolean =>
  [`id="${anchor}"`, `name="${anchor}"`].some((attribute) => html.includes(attribute))

test('the documentation site builds without a warning, and no link in it is dead', () => {
  execFileSync(process.execPath, ['scripts/site.mjs', folder], { encoding: 'utf8', stdio: 'pipe' })
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))
  assert.ok(pages.length > 100, `${pages.length} pages`)
  const contents = new Map(pages.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]))
  const dead: string[] = []
  const elsewhere = new Set<string>()
  for (const [path, html] of contents)
    for (const address of addressesOf(html)) {
      if (/^[a-z]+:/.test(address)) elsewhere.add(address)
      if (/^[a-z]+:/.test(address) || address === '#') continue
      const [place, anchor] = address.split('#').map(decodeURIComponent)
      const target = place === '' ? path : join(dirname(path), place)
      const isThere = existsSync(target) && statSync(target).isFile()
      const page = contents.get(target)
      if (!isThere || (anchor && page !== undefined && !names(page, anchor)))
        dead.push(`${relative(folder, path)}: ${address}`)
    }
  assert.equal(dead, [])
  for (const address of elsewhere) assert.match(address, /^https?:\/\/[\w.-]+\.[a-z]+(\/|$)/, address)
})

test('no page of the documents is wider than a phone', async () => {
  const browser = await launchChromium()
  if (!browser) return
  try {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
    const names = readdirSync(join(folder, 'documents'))
    assert.ok(names.length >= 15, names.join())
    const widths: Record<string, number> = {}
    for (const name of names) {
      await page.goto(pathToFileURL(join(folder, 'documents', name)).href)
      widths[name] = await page.evaluate(() => document.documentElement.scrollWidth)
    }
    assert.equal(widths, Object.fromEntries(names.map((name) => [name, 390])))
  } finally {
    await browser.close()
  }
})

test.after(() => rmSync(folder, { recursive: true, force: true }))

test.run()
