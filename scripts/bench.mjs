// Bundles bench/NAME.ts and runs it: `node scripts/bench.mjs NAME [options of the benchmark]`.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildWasm, bundle, entries, root } from './build.mjs'

const [name, ...options] = process.argv.slice(2)
const outdir = join(root, 'build', `bench-${process.pid}`)
const { worker } = entries()

try {
  await buildWasm()
  mkdirSync(outdir, { recursive: true })
  await bundle({ worker, [`bench/${name}`]: join(root, 'bench', `${name}.ts`) }, outdir)
  process.argv.splice(2, process.argv.length, ...options)
  await import(pathToFileURL(join(outdir, 'bench', `${name}.js`)).href)
} finally {
  rmSync(outdir, { recursive: true, force: true })
}
