// Bundles test/**/*.test.ts and runs each file in a process of its own, two at a time. `npm test -- conv` runs the files whose path
// holds `conv`; those of test/embed, which `npm run test:embed` runs alone, get the pages and the package built besides.
// The last line reads `N passed, N failed`.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { browserEntries, buildPackage, buildWasm, bundle, entries, root } from './build.mjs'
import { buildDemo } from './demo.mjs'

const filters = process.argv.slice(2)
const outdir = join(root, 'build', `test-${process.pid}`)

const testFiles = readdirSync(join(root, 'test'), { recursive: true })
  .filter(
    (name) => name.endsWith('.test.ts') && (filters.length === 0 || filters.some((filter) => name.includes(filter))),
  )
  .sort()

/** Runs one bundled test file; resolves to what it printed and how many assertions blocks passed and failed. */
const runFile = (name) =>
  new Promise((done) => {
    const path = join(outdir, 'test', name.replace(/\.ts$/, '.js'))
    const started = Date.now()
    const child = spawn(process.execPath, ['--enable-source-maps', path], {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: '0', LANEWISE_TEST_BUILD: outdir },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
    child.on('close', (code) => {
      const number = (label) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0)
      const total = number('Total')
      const passed = number('Passed')
      const failed = Math.max(total - passed - number('Skipped'), code !== 0 ? 1 : 0, total === 0 ? 1 : 0)
      done({ name, output, passed, failed, seconds: (Date.now() - started) / 1000 })
    })
  })

const finish = (passed, failed) => {
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}

try {
  await buildWasm()
  mkdirSync(outdir, { recursive: true })
  const tests = Object.fromEntries(
    testFiles.map((name) => [`test/${name.replace(/\.ts$/, '')}`, join(root, 'test', name)]),
  )
  await bundle({ ...entries(), ...tests }, outdir)
  if (testFiles.some((name) => name.startsWith('embed'))) {
    const pages = readdirSync(join(root, 'test/embed/pages')).map((name) => name.replace(/\.ts$/, ''))
    const pageEntries = Object.fromEntries(
      pages.map((name) => [`pages/${name}`, join(root, `test/embed/pages/${name}.ts`)]),
    )
    await bundle({ ...browserEntries(), ...pageEntries }, join(outdir, 'browser'), 'browser')
    await buildPackage(join(outdir, 'package/dist'))
    await buildDemo(join(outdir, 'demo'))
  }
  const queue = [...testFiles]
  let passed = 0
  let failed = 0
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const result = await runFile(name)
      passed += result.passed
      failed += result.failed
      console.log(
        `${result.failed ? 'FAIL' : 'ok  '} ${name} (${result.passed} passed${result.failed ? `, ${result.failed} failed` : ''}, ${result.seconds.toFixed(1)} s)`,
      )
      const notices = result.output.split('\n').filter((line) => /^(SKIP|AGAIN)\b/.test(line))
      if (result.failed) console.log(result.output)
      else if (notices.length) console.log(notices.join('\n'))
    }
  }
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker))
  finish(passed, failed)
} catch (error) {
  console.error(error)
  finish(0, 1)
} finally {
  if (existsSync(outdir)) rmSync(outdir, { recursive: true, force: true })
}
