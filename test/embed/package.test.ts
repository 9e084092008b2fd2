import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import model5 from '../../models/model5.js'
import { setRandomSeed } from '../../src/index.js'
import { npm, packPackage } from './packed.js'
import { work } from './pages/work.js'

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

mkdirSync(project)
const { source, tarball, files } = packPackage(folder)

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
    writeFileSync(join(project, 'package.json'), '{ "name": "fresh", "private": true, "type": "module" }')
    npm(project, 'install', '--offline', '--no-audit', '--no-fund', tarball)
    writeFileSync(join(project, 'model.onnx'), model)
    writeFileSync(join(project, 'run.js'), program(entry))
    const result = JSON.parse(execFileSync(process.execPath, ['run.js'], { cwd: project, encoding: 'utf8' }))
    assert.equal(result, { predicted, losses })
  })

test.after(() => rmSync(folder, { recursive: true, force: true }))

test.run()
