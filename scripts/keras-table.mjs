// Writes docs/keras.md: Keras's public symbols beside lanewise's. `npm run docs:keras`
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildWasm, bundle, root } from './build.mjs'

const outdir = join(root, 'build', `keras-table-${process.pid}`)
try {
  await buildWasm()
  mkdirSync(outdir, { recursive: true })
  await bundle({ table: join(root, 'scripts/keras-table.ts') }, outdir)
  const { describeKeras } = await import(pathToFileURL(join(outdir, 'table.js')).href)
  writeFileSync(join(root, 'docs/keras.md'), describeKeras())
} finally {
  rmSync(outdir, { recursive: true, force: true })
}
