import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { pageOf, type ServerOptions, serve } from './server.js'

/** The bundles of src/ and of test/embed/pages for browsers, made by scripts/test.mjs. */
export const build = (): string => {
  const folder = process.env['LANEWISE_TEST_BUILD']
  if (folder === undefined) throw new Error('LANEWISE_TEST_BUILD is not set: run these tests by npm test')
  return join(folder, 'browser')
}

/** The path of a program, or undefined. */
export const findProgram = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

const flags = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking']

/** Flags that give headless Chromium a WebGPU adapter on machines without a GPU. */
export const webgpuFlags = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

/** Chromium without a window, or undefined, with a printed notice, where none is installed. */
export async function launchChromium(extra: readonly string[] = []): Promise<Browser | undefined> {
  const executablePath = findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome')
  if (executablePath === undefined) {
    console.log('SKIP pages in Chromium: there is no chromium on the PATH (apt-get install chromium)')
    return undefined
  }
  return chromium.launch({ executablePath, args: [...flags, ...extra] })
}

/** What a page gave, and what it wrote to its console (errors and broken rules among it). */
export interface PageResult<T> {
  readonly result: T
  readonly console: readonly string[]
}

/**
 * Opens a page that runs `script` (a path below /lanewise/) and waits for the promise that it leaves in `globalThis.result`.
 * Its server sends `options.headers`, and `options.files` besides the build. Rejects with the page's own error.
 */
export async function runPage<T>(
  browser: Browser,
  script: string,
  { search = '', ...options }: ServerOptions & { readonly search?: string } = {},
): Promise<PageResult<T>> {
  const server = await serve({
    ...options,
    folders: { '/lanewise/': build(), ...options.folders },
    files: { '/index.html': pageOf(`/lanewise/${script}`), '/favicon.ico': '', ...options.files },
  })
  const page = await browser.newPage()
  const lines: string[] = []
  page.on('console', (message) => {
    // Chromium's own word where a machine has no GPU.
    if (message.text() !== 'No available adapters.') lines.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => lines.push(`error: ${error.message}`))
  try {
    await page.goto(`${server.origin}/index.html${search}`)
    const result = (await page.evaluate(() => globalThis.result)) as T | undefined
    if (result === undefined) throw new Error(`${script} left no result: ${lines.join('\n')}`)
    return { result, console: lines }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${lines.join('\n')}`)
  } finally {
    await page.close()
    await server.close()
  }
}
