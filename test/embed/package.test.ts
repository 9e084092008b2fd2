import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { build } from 'esbuild'
import { publint } from 'publint'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed, Tensor } from '../../src/index.js'
import { launchChromium, resultOf } from './browser.js'
import { npm, packPackage } from './packed.js'
import { work } from './pages/work.js'
import { snippetsOf } from './snippets.js'

const folder = mkdtempSync(join(tmpdir(), 'lanewise-package-'))
const project = join(folder, 'project')

type Exports = Record<string, string | Record<string, string>>

/** Predicts and trains as `work` does, in a project that has nothing but the package. */
const program = (entry: string) => `
import { readFileSync } from 'node:fs'
import { configure, datasets, InferenceSession, loadOnnx, toCategorical } from '${entry}'
configure({ threads: 2, deterministic: true })
const model = new Uint8Array(readFileSync('model.onnx'))
const { x, y } = datasets.syntheticDigits(128, 3)
const session = await InferenceSession.create(model)
const output = (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]]
const net = await loadOnnx(model)
net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
const losses = []
for (let step = 0; step < 10; step++) losses.push((await net.trainOnBatch(x, toCategorical(y, 10))).loss)
console.log(JSON.stringify({ predicted: output.toNumbers(), losses }))
`

/** Uses each entry; the lines that expect errors show that the types are there. */
const typedProgram = `
import { type History, InferenceSession, LanewiseError, layers, sequential, Tensor } from 'lanewise'
import { environment } from 'lanewise/inline'
import { dense } from 'lanewise/layers'
import * as ort from 'lanewise/ort'

const session: InferenceSession = await InferenceSession.create('model.onnx', { threads: 2, cache: true })
const results = await session.run({ x: new Tensor('float32', new Float32Array(4), [1, 4]) })
export const shape: readonly number[] = results['y'].dims
const net = sequential([layers.dense({ units: 2, inputShape: [4] }), dense({ units: 2 })])
const x = new Tensor('float32', [1, 2, 3, 4], [1, 4])
export const history: History = await net.fit(x, new Tensor('float32', [0, 1], [1, 2]), { epochs: 1 })
export const threads: number = (await environment()).threads
export const other: ort.InferenceSession = await ort.InferenceSession.create(new Uint8Array())
export const code: string = new LanewiseError('INVALID_MODEL', 'none').code
// @ts-expect-error: a number names no model
await InferenceSession.create(5)
// @ts-expect-error: units is a number
layers.dense({ units: 'two' })
`

const inlineProgram = `
import { layers, sequential, Tensor } from 'lanewise/inline'
const net = sequential([layers.dense({ units: 2, inputShape: [3], kernelInitializer: 'ones' })])
const predict = async () => (await net.predict(new Tensor('float32', [1, 1, 1], [1, 3]))).toNumbers()
globalThis.result = predict()
`

const serverProgram = `
import { configure, environment, layers, sequential, Tensor } from 'lanewise'
async function main() {
  configure({ threads: 2 })
  const net = sequential([layers.dense({ units: 2, inputShape: [3], kernelInitializer: 'ones' })])
  const predicted = await net.predict(new Tensor('float32', [1, 1, 1], [1, 3]))
  const { threads } = await environment()
  console.log(predicted.toNumbers().join(), 'on', threads, 'threads')
}
main()
`

const { source, tarball, files } = packPackage(folder)
mkdirSync(project)
writeFileSync(join(project, 'package.json'), '{ "name": "fresh", "private": true, "type": "module" }')
npm(project, 'install', '--offline', '--no-audit', '--no-fund', tarball)

test('the package holds what package.json names, and neither tests nor data', () => {
  const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Exports; bin: object }
  const targets = [...Object.values(exports), ...Object.values(bin)].flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values<string>(target),
  )
  for (const target of targets) assert.ok(files.includes(target.replace('./', '')), `${target} is missing`)
  for (const path of files) {
    assert.match(path, /^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/)
    assert.not.match(path, /test|\.onnx$|\.npy$|\.gz$|bench\//)
  }
})

test('nothing in the build for browsers imports from Node', () => {
  for (const path of files.filter((name) => /^dist\/(browser|inline|workerd)\/.*\.js$/.test(name)))
    assert.not.match(readFileSync(join(source, path), 'utf8'), /(from|import\()\s*["']node:/, path)
})

for (const entry of ['lanewise', 'lanewise/inline'])
  test(`a fresh project predicts and trains with ${entry}, to the bits of the source`, async () => {
    setRandomSeed(5)
    const model = model5.model().toOnnx()
    const { predicted, losses } = await work(model, { threads: 2, deterministic: true })
    writeFileSync(join(project, 'model.onnx'), model)
    writeFileSync(join(project, 'run.js'), program(entry))
    const result = JSON.parse(execFileSync(process.execPath, ['run.js'], { cwd: project, encoding: 'utf8' }))
    assert.equal(result, { predicted, losses })
  })

/** What a server's program prints from a bundle in `format`, in `place`. */
async function bundled(format: 'cjs' | 'esm', place: string, setUp: (outdir: string) => void = () => {}) {
  mkdirSync(place, { recursive: true })
  const outfile = join(place, format === 'cjs' ? 'server.cjs' : 'server.mjs')
  const contents = serverProgram
  await build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    platform: 'node',
    format,
    outfile,
    logLevel: 'silent',
  })
  setUp(place)
  const { stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' })
  return stdout.trim() || stderr
}

for (const format of ['cjs', 'esm'] as const)
  test(`a bundle for servers in ${format} finds the kernels and workers`, async () => {
    const copied = (place: string) => {
      for (const name of files.filter((path) => /^dist\/[^/]+\.wasm$|^dist\/worker\.js$/.test(path)))
        copyFileSync(join(source, name), join(place, basename(name)))
    }
    assert.is(await bundled(format, join(folder, format, 'a#b 50%'), copied), '3,3 on 2 threads')
    assert.is(await bundled(format, join(project, 'out', format)), '3,3 on 2 threads')
    const missing = await bundled(format, join(folder, format, 'alone'))
    assert.match(missing, /BACKEND_UNAVAILABLE/)
    assert.match(missing, /must lie beside the bundle, or lanewise be installed for it\): ENOENT/)
    const manifest = join(folder, format, 'other/node_modules/lanewise/package.json')
    const another = () => {
      mkdirSync(dirname(manifest), { recursive: true })
      writeFileSync(manifest, '{ "name": "lanewise", "version": "0.0.1" }')
    }
    assert.match(await bundled(format, join(folder, format, 'other'), another), /other\/lanewise-\S+\.wasm .*ENOENT/)
  })

test('functions that a start calls are in parentheses, and nothing of the marks is left', () => {
  const scripts = files.filter((name) => /^dist\/.*\.js$/.test(name))
  const texts = new Map(scripts.map((path) => [path, readFileSync(join(source, path), 'utf8')]))
  for (const [path, text] of texts) assert.not.ok(/ĸ|\\u0138/.test(text), path)
  for (const folder of ['', 'browser/', 'workerd/', 'inline/']) {
    const own = [...texts].filter(([path]) => new RegExp(`^dist/${folder}[^/]+$`).test(path)).map(([, text]) => text)
    const marks = own.join('').match(/[=(:,] ?\((async )?function\(/g)
    assert.ok(marks && marks.length > 500, `${folder}: ${marks?.length} functions`)
  }
})

test('consoles show the names of classes', async () => {
  for (const entry of ['index.js', 'inline/index.js']) {
    const address = pathToFileURL(join(source, 'dist', entry)).href
    const { layers, sequential, LanewiseError, Tensor } = (await import(address)) as typeof import('../../src/index.js')
    const net = sequential([layers.dense({ units: 2, inputShape: [2] })])
    const error = new LanewiseError('INVALID_DATA', 'none')
    const shown = [new Tensor('float32', [1]), net, layers.dense({ units: 2 }), error].map(
      (value) => inspect(value).split(/\W/)[0],
    )
    assert.equal(shown, ['Tensor', 'Sequential', 'Dense', 'LanewiseError'])
  }
})

test('tensors of one copy of lanewise are tensors of another', async () => {
  const other = (await import(
    pathToFileURL(join(source, 'dist/inline/index.js')).href
  )) as typeof import('../../src/index.js')
  const net = other.sequential([other.layers.dense({ units: 2, inputShape: [2], kernelInitializer: 'ones' })])
  assert.equal((await net.predict(new Tensor('float32', [1, 2], [1, 2]))).toNumbers(), [3, 3])
  const session = await other.InferenceSession.create(await net.toOnnx())
  const outputs = await session.run({ [session.inputNames[0]]: new Tensor('float32', [1, 2], [1, 2]) })
  assert.ok(outputs[session.outputNames[0]] instanceof Tensor)
  const others: unknown[] = [{ data: Float32Array.of(1), dims: [1] }, null, undefined, 5]
  assert.not.ok(others.some((value) => value instanceof Tensor))
  class Own extends Tensor {}
  assert.not.ok(outputs[session.outputNames[0]] instanceof Own)
  assert.ok(new Own('float32', [1]) instanceof Own)
})

test('publint finds nothing to mend', async () => {
  const { messages } = await publint({ pkgDir: source, pack: false, strict: true })
  assert.equal(messages, [])
})

test('package.json says what registries and bundlers ask for; scripts have source maps', () => {
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  assert.is(manifest.license, 'MIT')
  assert.is(manifest.engines.node, '>=20')
  assert.is(manifest.sideEffects, false)
  assert.is(manifest.dependencies, undefined)
  for (const path of files.filter((name) => name.endsWith('.js')))
    assert.ok(files.includes(`${path}.map`), `${path} has no source map`)
})

const resolutions = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}

/** What the type-checker says about files of the project, '' if nothing. Declarations of libraries are checked, too. */
function complaints(name: string, options: object, include: readonly string[]): string {
  const config = join(project, `tsconfig.${name}.json`)
  const strict = { strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false }
  writeFileSync(config, JSON.stringify({ compilerOptions: { target: 'es2022', ...strict, ...options }, include }))
  const tsc = [resolve('node_modules/typescript/bin/tsc'), '-p', config]
  const { stdout } = spawnSync(process.execPath, tsc, { cwd: project, encoding: 'utf8' })
  return stdout.slice(0, 2000)
}

for (const [name, options] of Object.entries(resolutions))
  test(`types resolve under moduleResolution ${name}, and hold, for the README's programs, too`, () => {
    writeFileSync(join(project, 'use.ts'), typedProgram)
    const programs = snippetsOf('README.md').filter(({ language }) => language === 'ts')
    assert.ok(programs.length > 5)
    programs.forEach(({ text }, i) => {
      writeFileSync(join(project, `readme-${i}.ts`), text)
    })
    const lib = ['es2023', 'dom', 'esnext.disposable']
    assert.is(complaints(name, { ...options, lib, types: [] }, ['use.ts', 'readme-*.ts']), '')
  })

test('types hold in a program for Node, without those of browsers', () => {
  writeFileSync(join(project, 'use.ts'), typedProgram)
  const types = { types: ['node'], typeRoots: [resolve('node_modules/@types')], lib: ['es2022'] }
  assert.is(complaints('server', { ...resolutions.nodenext, ...types }, ['use.ts']), '')
})

test('a page from a file: address, all of it one file, predicts with lanewise/inline', async () => {
  const browser = await launchChromium()
  if (!browser) return
  try {
    const { outputFiles } = await build({
      stdin: { contents: inlineProgram, resolveDir: source },
      alias: { 'lanewise/inline': join(source, 'dist/inline/index.js') },
      bundle: true,
      format: 'esm',
      write: false,
    })
    const script = outputFiles[0].text.replaceAll('</script', '<\\/script')
    const page = join(folder, 'page.html')
    writeFileSync(page, `<!doctype html><meta charset="utf-8"><script type="module">${script}</script>`)
    const { result } = await resultOf<number[]>(browser, pathToFileURL(page).href)
    assert.equal(result, [3, 3])
  } finally {
    await browser.close()
  }
})

test.after(() => rmSync(folder, { recursive: true, force: true }))

test.run()
