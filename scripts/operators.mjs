// Writes docs/operators.md: every op with its opset and what runs it, and the conformance cases that do not pass.
// `npm run docs:operators` (reads the reference data; LANEWISE_DATA says where).
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildWasm, bundle, root } from './build.mjs'

const outdir = join(root, 'build', `operators-${process.pid}`)
try {
  await buildWasm()
  mkdirSync(outdir, { recursive: true })
  await bundle({ operators: join(root, 'scripts/operators.ts') }, outdir)
  const { describeOperators } = await import(pathToFileURL(join(outdir, 'operators.js')).href)
  writeFileSync(join(root, 'docs/operators.md'), await describeOperators())
} finally {
  rmSync(outdir, { recursive: true, force: true })
}
