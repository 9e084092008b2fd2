import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { launch } from 'puppeteer-core'
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

/** How Chromium is started; undefined, with a printed notice, where none is installed. */
export function chromiumOptions(extra: readonly string[] = []): { executablePath: string; args: string[] } | undefined {
  const executablePath = findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome')
  if (executablePath !== undefined) return { executablePath, args: [...flags, ...extra] }
  console.log('SKIP pages in Chromium: there is no chromium on the PATH (apt-get install chromium)')
  return undefined
}

/** Chromium without a window; undefined as chromiumOptions. */
export async function launchChromium(extra: readonly string[] = []): Promise<Browser | undefined> {
  const options = chromiumOptions(extra)
  return options && chromium.launch(options)
}

/** Firefox without a window, driven over WebDriver BiDi; undefined, with a printed notice, where none is installed. */
export async function launchFirefox(): Promise<BrowserProcess | undefined> {
  const executablePath = findProgram('firefox-esr') ?? findProgram('firefox')
  // Its pages have this face, though the types of their events are not written as overloads.
  if (executablePath !== undefined)
    return launch({ browser: 'firefox', executablePath, headless: true }) as unknown as ReturnType<typeof launchFirefox>
  console.log('SKIP pages in Firefox: there is no firefox on the PATH (apt-get install firefox-esr)')
  return undefined
}

/** What opens pages: a browser or a context of playwright-core, or a browser of puppeteer-core. */
export interface PageHost {
  newPage(): Promise<Tab>
}

/** A browser that was started. */
export interface BrowserProcess extends PageHost {
  close(): Promise<void>
  /** Of those whose process can be ended from here. */
  process?(): { kill(signal: NodeJS.Signals): boolean } | null
}

interface Tab {
  on(event: 'console', listener: (message: { text(): string; type(): string }) => void): unknown
  on(event: 'pageerror', listener: (error: Error) => void): unknown
  goto(address: string): Promise<unknown>
  evaluate<T>(inPage: () => T | Promise<T>): Promise<T>
  close(): Promise<void>
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
  browser: PageHost,
  script: string,
  { search = '', ...options }: ServerOptions & { readonly search?: string } = {},
): Promise<PageResult<T>> {
  const server = await serve({
    ...options,
    folders: { '/lanewise/': build(), ...options.folders },
    files: { '/index.html': pageOf(`/lanewise/${script}`), '/favicon.ico': '', ...options.files },
  })
  try {
    return await resultOf(browser, `${server.origin}/index.html${search}`)
  } finally {
    await server.close()
  }
}

/**
 * Opens an address and waits for the promise that the page leaves in `globalThis.result`. Rejects with the page's own error,
 * which names the step that the page wrote last, by console.debug.
 */
export async function resultOf<T>(browser: PageHost, address: string): Promise<PageResult<T>> {
  const lines: string[] = []
  const steps: string[] = []
  const within = inTime(address, () => `${steps.at(-1) ?? 'its start'}\n${lines.join('\n')}`)
  const page = await within('open a page', browser.newPage())
  page.on('console', (message) => {
    const [type, text] = [message.type(), message.text()]
    if (type === 'debug') steps.push(text)
    // Chromium's own word where a machine has no GPU.
    else if (text !== 'No available adapters.') lines.push(`${type}: ${text}`)
  })
  page.on('pageerror', (error) => lines.push(`error: ${error.message}`))
  try {
    await within('load the page', page.goto(address))
    const work = page.evaluate(async () => {
      const late = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Error('the page gave no result within 120 s')), 120_000),
      )
      const left = async (): Promise<unknown> => {
        while (globalThis.result === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
        return globalThis.result
      }
      return Promise.race([left(), late])
    })
    return { result: (await within('answer', work)) as T, console: lines }
  } finally {
    // What went wrong before counts, not that this does, too.
    await within('close the page', page.close()).catch((error: Error) => console.log(error.message))
  }
}

/** Told of a browser that does not answer, whatever its page does. */
class SilentBrowser extends Error {}

/**
 * Starts a browser for `work` and ends it. One that falls silent is killed, and a fresh one does the work, once, with a
 * printed notice; nothing is done where `launch` finds no browser.
 */
export async function inBrowser(
  launch: () => Promise<BrowserProcess | undefined>,
  work: (browser: PageHost) => Promise<void>,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    const browser = await launch()
    try {
      return await (browser && work(browser))
    } catch (error) {
      browser?.process?.()?.kill('SIGKILL')
      if (!(error instanceof SilentBrowser && isFirst)) throw error
      console.log(`AGAIN in a fresh browser: ${error.message}`)
    } finally {
      await browser?.close().catch(() => {})
    }
  }
}

/** How long a browser may be silent, in ms; longer than a page's own limit. */
const silence = 150_000

/** Waits for what a browser is asked for; errors say at which address and after which step of its page, in time even where the browser hangs. */
const inTime =
  (address: string, after: () => string) =>
  async <T>(request: string, answer: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new SilentBrowser(`the browser did not ${request} within ${silence / 1000} s`)),
        silence,
      )
    })
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      const Kind = error instanceof SilentBrowser ? SilentBrowser : Error
      throw new Kind(`${address}: ${(error as Error).message}, after ${after()}`)
    } finally {
      clearTimeout(timer)
    }
  }
