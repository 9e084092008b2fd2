import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { transform } from 'esbuild'
import { encode } from 'fast-png'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { datasets, formatNpy, setRandomSeed } from '../../src/index.js'
import { launchChromium } from './browser.js'
import { packPackage } from './packed.js'
import { headers, serve } from './server.js'
import { documents, programsOf, type Snippet, snippetsOf } from './snippets.js'

/** Languages that nothing runs: listings (with `file=NAME` they are written, for the commands that read them), and configuration of programs that the examples' tests start. */
const listings = new Set(['', 'text', 'html', 'json', 'nginx', 'toml', 'diff', 'python'])

/** Shell lines that do not run here, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  'npm ci && npm test': 'it runs this test',
  'npm ci && npm start': 'npm ci is for a clone; npm start runs by itself below',
  'npm run demo': 'it serves until it is stopped; the test of the demo opens what it serves',
  'npm run bench -- --filter model5 --threads 1,2': 'installs and times the other libraries',
}

const folder = mkdtempSync(join(tmpdir(), 'lanewise-snippets-'))
const modules = join(folder, 'node_modules')
const data = join(folder, 'data')
const { tarball } = packPackage(folder)
mkdirSync(join(modules, '.bin'), { recursive: true })
mkdirSync(join(modules, 'lanewise'))
execFileSync('tar', ['xzf', tarball, '-C', join(modules, 'lanewise'), '--strip-components=1'])
symlinkSync(join('..', 'lanewise', 'dist', 'cli.js'), join(modules, '.bin', 'lanewise'))

/** The first `count` entries of an IDX file. */
function head(bytes: Uint8Array, count: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const rank = view.getUint8(3)
  let size = 1
  for (let axis = 1; axis < rank; axis++) size *= view.getUint32(4 + 4 * axis)
  const start = bytes.slice(0, 4 + 4 * rank + size * count)
  new DataView(start.buffer).setUint32(4, count)
  return start
}

/** A little of MNIST, so that examples with real data take seconds; false where this machine has no MNIST. */
function writeData(): boolean {
  const source = join(process.env['LANEWISE_DATA'] || '../shared/data', 'mnist')
  mkdirSync(join(data, 'mnist'), { recursive: true })
  try {
    for (const part of ['train', 't10k'])
      for (const name of [`${part}-images-idx3-ubyte`, `${part}-labels-idx1-ubyte`])
        writeFileSync(join(data, 'mnist', name), head(gunzipSync(readFileSync(join(source, `${name}.gz`))), 1024))
    return true
  } catch {
    console.log(`SKIP MNIST of the snippets: none in ${source}; they use synthetic digits`)
    return false
  }
}
const isReal = writeData()

/** A folder with the files that the documents take for granted. */
async function workplace(name: string): Promise<string> {
  const place = join(folder, name.replace(/\W/g, '-'))
  mkdirSync(place)
  setRandomSeed(1)
  writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(place, 'model5.onnx'), await model5.model().toOnnx())
  const { x } = datasets.syntheticDigits(1, 1)
  writeFileSync(join(place, 'a.npy'), formatNpy(x))
  const pixels = Uint8Array.from(x.toNumbers(), (value) => Math.round(255 * value))
  writeFileSync(join(place, 'digit.png'), encode({ width: 28, height: 28, data: pixels, channels: 1 }))
  return place
}

/** A software adapter of WebGPU for the package webgpu. */
const adapter = '/usr/lib/chromium/vk_swiftshader_icd.json'
const hasAdapter = existsSync(adapter)
if (hasAdapter) symlinkSync(resolve('node_modules/webgpu'), join(modules, 'webgpu'))

const environment = {
  ...process.env,
  PATH: [join(modules, '.bin'), process.env['PATH']].join(delimiter),
  ...(isReal ? { LANEWISE_DATA: data } : {}),
  ...(hasAdapter ? { VK_ICD_FILENAMES: adapter } : {}),
}

/** Runs a program to its end; throws with what it wrote where it fails. */
function execute(cwd: string, program: string, values: readonly string[]): void {
  try {
    execFileSync(program, values, { cwd, env: environment, encoding: 'utf8', stdio: 'pipe', timeout: 120_000 })
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    const readable = `${message}\n${stdout}\n${stderr}`.split('\n').filter(({ length }) => length < 500)
    throw new Error([...new Set(readable)].join('\n'))
  }
}

let count = 0
async function runModule(place: string, { text, language }: Snippet): Promise<void> {
  const { code } = await transform(text, { loader: language as 'ts' | 'js', target: 'node20' })
  const path = `snippet-${++count}.js`
  writeFileSync(join(place, path), code)
  execute(place, process.execPath, [path])
}

const browser = await launchChromium()

/** Runs a module in a page whose import map names the package; fails with the page's errors. */
async function runInPage(place: string, { text, language }: Snippet): Promise<void> {
  const { code } = await transform(text, { loader: language as 'ts' | 'js', target: 'es2022' })
  const imports = { lanewise: '/package/dist/browser/index.js', 'lanewise/ort': '/package/dist/browser/ort.js' }
  const index = `<!doctype html><meta charset="utf-8"><title>lanewise</title><body><canvas></canvas>
<input type="file"><progress max="1"></progress><output></output><button>Stop</button>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">import('/snippet.js').then(() => (globalThis.done = true), (error) => (globalThis.done = String(error.stack ?? error)))</script>`
  const server = await serve({
    headers: headers.isolated,
    folders: { '/package/': join(modules, 'lanewise'), '/': place },
    files: { '/index.html': index, '/snippet.js': code, '/favicon.ico': '' },
  })
  const page = await browser!.newPage()
  try {
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(`${server.origin}/index.html`)
    const state = await page.waitForFunction(() => (globalThis as { done?: unknown }).done)
    assert.is(await state.jsonValue(), true)
    assert.equal(faults, [])
  } finally {
    await page.close()
    await server.close()
  }
}

for (const path of documents()) {
  const snippets = snippetsOf(path)
  const code = (language: string) => language === 'ts' || language === 'js'
  const isOfPages = ({ language, flags }: Snippet) => code(language) && flags.includes('page')
  for (const { place, language } of snippets)
    if (!code(language) && language !== 'sh' && !listings.has(language))
      test(`${place}: a language that is run or known as a listing`, () => assert.unreachable(language))
  const sequence = snippets.filter((snippet) => code(snippet.language) || snippet.language === 'sh')
  const ofPages = programsOf(sequence.filter(isOfPages))
  const others = programsOf(sequence.filter((snippet) => !isOfPages(snippet)))
  if (sequence.length === 0) continue
  const place = await workplace(path)
  for (const { flags, text } of snippets)
    for (const [, name] of flags.flatMap((flag) => [...flag.matchAll(/^file=(.+)$/g)]))
      writeFileSync(join(place, name), text)
  for (const snippet of others)
    test(snippet.place, async () => {
      if (snippet.language !== 'sh') return runModule(place, snippet)
      for (const line of snippet.text.replaceAll('\\\n', '').split('\n'))
        if (line.includes('webgpu') && !hasAdapter)
          console.log(`SKIP ${snippet.place}: ${line}: there is no ${adapter}`)
        else if (line in elsewhere) console.log(`SKIP ${snippet.place}: ${line}: ${elsewhere[line]}`)
        else execute(place, 'bash', ['-euo', 'pipefail', '-c', line])
    })
  for (const snippet of ofPages)
    test(`${snippet.place} (page)`, async () => {
      if (browser) await runInPage(place, snippet)
    })
}

test('the scripts that the documents name are in package.json', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const path of documents())
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/npm run ([\w:-]+)/g))
      assert.ok(name in scripts, `${path}: npm run ${name}`)
})

test('npm start, on a little of MNIST', () => {
  const place = join(folder, 'start')
  mkdirSync(place)
  cpSync('package.json', join(place, 'package.json'))
  symlinkSync(join(modules, 'lanewise', 'dist'), join(place, 'dist'))
  execute(place, 'npm', ['start'])
  assert.ok(readFileSync(join(place, 'model5.onnx')).length > 100_000)
})

test.after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

test.run()
