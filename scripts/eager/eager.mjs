// V8 compiles a function as it is first called, and what a start calls one by one costs it as much again as compiling the script.
// So the functions that a start calls are marked for V8 to compile with the script. Which these are is recorded: lanewise,
// bundled so that each function tells its first call, runs a start.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { root, wasmFolder } from '../folders.mjs'
import { engineHere, requiredBuiltins, sources } from '../plugins.mjs'
import { hinted, marker, recording } from './functions.mjs'

const scripts = join(root, 'scripts/eager')
const courses = [1, 2, 3, 4, 5].map((number) => `models/model${number}`)

const nameOf = (path) => relative(root, path).replaceAll('\\', '/')

/** What the record depends on. */
function fingerprint() {
  const hash = createHash('sha256')
  for (const folder of ['src', 'models', 'scripts/eager'])
    for (const file of readdirSync(join(root, folder), { recursive: true }).sort()) {
      if (!/\.(ts|mjs)$/.test(file)) continue
      hash
        .update(`${folder}/${file}\0`)
        .update(readFileSync(join(root, folder, file)))
        .update('\0')
    }
  return hash.digest('hex')
}

const recorder = () => async (source) => ({ ...source, text: await recording(source, nameOf(source.path)) })

const run = (program, ...values) =>
  execFileSync(process.execPath, [join(scripts, program), ...values], { encoding: 'utf8' })

/** The numbers of the functions that a start calls, by file, of the bundles in `outdir`. */
function callsOf(outdir) {
  run('models.mjs', outdir)
  const starts = ['ort', 'index'].flatMap((library) => ['1', '2'].map((threads) => [library, threads]))
  const found = new Map()
  for (const start of starts)
    for (const [file, numbers] of Object.entries(JSON.parse(run('start.mjs', outdir, ...start))))
      found.set(file, new Set([...(found.get(file) ?? []), ...numbers]))
  const sorted = [...found].map(([file, numbers]) => [file, [...numbers].sort((a, b) => a - b)])
  return Object.fromEntries(sorted.sort())
}

/** What `callsOf` tells of this source, kept in build/ until it changes. Fails where the start does. */
async function record() {
  const kept = join(root, 'build/eager.json')
  const key = fingerprint()
  if (existsSync(kept)) {
    const record = JSON.parse(readFileSync(kept, 'utf8'))
    if (record.key === key) return record.files
  }
  const outdir = join(root, 'build', `eager-${process.pid}`)
  mkdirSync(outdir, { recursive: true })
  try {
    const names = ['ort', 'index'].map((name) => [name, join(root, `src/${name}.ts`)])
    const models = courses.map((name) => [name, join(root, `${name}.ts`)])
    await build({
      entryPoints: { ...Object.fromEntries([...names, ...models]), worker: join(root, 'src/backend/wasm/worker.ts') },
      outdir,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'es2022',
      external: ['webgpu'],
      logLevel: 'warning',
      plugins: [sources(engineHere, recorder), requiredBuiltins],
    })
    for (const file of readdirSync(wasmFolder)) copyFileSync(join(wasmFolder, file), join(outdir, file))
    const files = callsOf(outdir)
    const written = join(outdir, 'eager.json')
    writeFileSync(written, JSON.stringify({ key, files }))
    renameSync(written, kept)
    return files
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
}

let recorded
const texts = new Map()

/** Marks what a start calls. */
const eagerWith = (open) => () => async (source) => {
  const numbers = (await (recorded ??= record()))[nameOf(source.path)]
  if (!numbers) return source
  const key = `${open} ${source.path} ${source.text}`
  if (!texts.has(key)) texts.set(key, hinted(source, numbers, open))
  return { ...source, text: await texts.get(key) }
}

/** For bundles as esbuild writes them. */
export const eager = eagerWith('')

/** For bundles that SWC goes through. */
export const eagerThroughSwc = eagerWith(`/* @__PURE__ */ ${marker}`)
