// Builds dist/: the kernel table, the four wasm builds, the bundles, the type declarations.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'
import { build } from 'esbuild'
import { generateDepthwiseTiles } from './depthwise-tiles.mjs'
import { eager, eagerThroughSwc } from './eager/eager.mjs'
import { root, wasmFolder } from './folders.mjs'
import { generateKernelTable, parts } from './kernels.mjs'
import { generateMicrokernels } from './microkernels.mjs'
import { generatePacks } from './packs.mjs'
import {
  classNames,
  embedded,
  engineHere,
  insteadOf,
  namespaces,
  oneCore,
  requiredBuiltins,
  shortened,
  sources,
} from './plugins.mjs'

export { root, wasmFolder }
export const targets = ['single-simd', 'single-relaxed', 'shared-simd', 'shared-relaxed']
/** The .wasm files of a build: one for each part of the kernels. */
export const filesOf = (target) => parts.map((part) => `lanewise-${target}${part === 'core' ? '' : `-${part}`}.wasm`)
/** Bytes of a part that comes later: it has to fit a page of memory, behind its length. */
const LARGEST_PART = 65532

/** Compiles the kernels, unless the wasm files are newer than every source, and writes the table of packs. */
export async function buildWasm() {
  await compileKernels()
  await generatePacks(root)
}

async function compileKernels() {
  const files = targets.flatMap(filesOf).map((file) => join(wasmFolder, file))
  const generators = ['asconfig.json', 'scripts/kernels.mjs', 'scripts/microkernels.mjs', 'scripts/depthwise-tiles.mjs']
  const sources = Math.max(newestSource(), ...generators.map((file) => statSync(join(root, file)).mtimeMs))
  const fresh =
    files.every((file) => existsSync(file) && statSync(file).mtimeMs > sources) &&
    existsSync(join(root, 'src/backend/wasm/gen/kernels.ts'))
  if (fresh) return
  generateMicrokernels(root)
  generateDepthwiseTiles(root)
  const count = generateKernelTable(root)
  mkdirSync(wasmFolder, { recursive: true })
  process.chdir(root)
  for (const target of targets)
    for (const [index, file] of filesOf(target).entries())
      await compilePart(target, parts[index], join(wasmFolder, file))
  console.log(`${count} kernels, ${files.map((file) => `${(statSync(file).size / 1024).toFixed(1)} kB`).join(' / ')}`)
}

async function compilePart(target, part, file) {
  const entry = part === 'core' ? ['assembly/index.ts', '--exportTable'] : [`assembly/gen/${part}.ts`]
  const { error, stderr } = await asc.main([
    ...entry,
    '--config',
    'asconfig.json',
    '--target',
    target,
    '--outFile',
    file,
  ])
  if (error) throw new Error(`asc ${file}: ${stderr.toString() || error.message}`)
  const { size } = statSync(file)
  if (part !== 'core' && size > LARGEST_PART)
    throw new Error(`${file} has ${size} bytes; only the core may have more than ${LARGEST_PART}`)
}

const newestSource = () =>
  Math.max(
    ...parts.flatMap((part) => {
      const folder = join(root, 'assembly', part === 'core' ? '' : part)
      return readdirSync(folder)
        .filter((name) => name.endsWith('.ts'))
        .map((name) => statSync(join(folder, name)).mtimeMs)
    }),
  )

/** What the builds for the kinds of host differ in: browsers have no `process`, and nothing that hangs on it. */
const platforms = {
  node: {
    target: 'es2022',
    external: ['esbuild', 'onnxruntime-web', 'playwright-core', 'publint', 'puppeteer-core', 'webgpu'],
    lineLimit: 120,
    plugins: [sources(oneCore, engineHere, eager, classNames), requiredBuiltins],
    logOverride: { 'ignored-bare-import': 'silent' },
  },
  browser: {
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [sources(oneCore, namespaces, eagerThroughSwc), shortened],
    // esbuild drops annotations with white space; the bundlers of pages need them.
    minify: false,
    minifyIdentifiers: true,
    minifySyntax: true,
    logOverride: { 'ignored-bare-import': 'silent' },
  },
  // Each worker is one file that imports nothing: bundlers that know no workers need only copy it, and it starts sooner.
  // The command loads its modules once it has asked for the cache of compiled scripts.
  alone: {
    platform: 'node',
    splitting: false,
    target: 'es2022',
    external: ['./main.js', './env-paths.js', './decode-jpeg.js'],
    plugins: [sources(eager)],
  },
  workers: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [sources(eagerThroughSwc), shortened],
  },
  workerd: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    external: ['*.wasm'],
    plugins: [sources(insteadOf('files', 'files-workerd.ts'), engineHere, eager, classNames)],
  },
  inline: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [sources(insteadOf('files', 'files-inline.ts'), engineHere, eager, classNames), embedded],
  },
}

const optionsFor = (platform) => ({
  bundle: true,
  splitting: true,
  format: 'esm',
  platform,
  sourcemap: true,
  minify: true,
  legalComments: 'linked',
  chunkNames: 'chunk-[hash]',
  logLevel: 'warning',
  ...platforms[platform],
})

export const browserOptions = optionsFor('browser')
export const workerOptions = optionsFor('workers')

/** The builds of the kernels that lie beside the bundles of a platform. */
const kernelsOf = (platform) => {
  if (platform === 'inline') return []
  return platform === 'workerd' ? targets.filter((target) => target.startsWith('single')) : targets
}

/** Bundles `entries` ({ name: path }) for a platform into `outdir`, with the workers and the wasm files beside them. */
export async function bundle(entries, outdir, platform = 'node') {
  await build({ ...optionsFor(platform), entryPoints: entries, outdir })
  if (platform === 'node') await build({ ...optionsFor('alone'), entryPoints: aloneEntries, outdir })
  if (platform === 'browser') await build({ ...workerOptions, entryPoints: workerEntries(), outdir })
  for (const file of kernelsOf(platform).flatMap(filesOf)) copyFileSync(join(wasmFolder, file), join(outdir, file))
}

/** The bundles that a checkout may hold: what is there is built. */
export const entries = () => {
  const found = {}
  const add = (name, path) => {
    if (existsSync(join(root, path))) found[name] = join(root, path)
  }
  add('index', 'src/index.ts')
  add('ort', 'src/ort.ts')
  add('main', 'src/cli/main.ts')
  const models = existsSync(join(root, 'models')) ? readdirSync(join(root, 'models')) : []
  for (const file of models.filter((name) => name.endsWith('.ts'))) add(`models/${file.slice(0, -3)}`, `models/${file}`)
  return found
}

/** The bundles for browsers, and for other hosts without Node's modules. */
export const browserEntries = () => {
  const { index, ort } = entries()
  return { index, ort }
}

/** Those of the package for browsers. */
export const packageEntries = () => ({ ...browserEntries(), layers: join(root, 'src/layers.ts') })

/** What a worker thread runs. */
const threadEntry = join(root, 'src/backend/wasm/worker.ts')

/** What Node runs besides the bundles, each of it one file. */
const aloneEntries = { worker: threadEntry, cli: join(root, 'src/cli/start.ts') }

/** The workers of a page. */
export const workerEntries = () => ({
  worker: threadEntry,
  'engine-worker': join(root, 'src/backend/wasm/engine-worker.ts'),
})

/**
 * Writes `lanewise/layers` for hosts that load all of lanewise anyway: exports taken from its `layers`, so that the files that it
 * starts from stay the same.
 */
async function writeLayers(outdir) {
  const { layers } = await import(pathToFileURL(join(outdir, 'index.js')).href)
  const contents = `import { layers } from './index.js'\nexport const { ${Object.keys(layers).join(', ')} } = layers\n`
  for (const folder of ['.', 'workerd']) {
    const stdin = { contents, resolveDir: join(outdir, folder), sourcefile: 'exports.js' }
    const outfile = join(outdir, folder, 'layers.js')
    await build({
      stdin,
      outfile,
      bundle: true,
      external: ['./index.js'],
      format: 'esm',
      minify: true,
      sourcemap: true,
    })
  }
}

/** Builds everything that the package holds into `outdir`. */
export async function buildPackage(outdir) {
  await buildWasm()
  rmSync(outdir, { recursive: true, force: true })
  await bundle(entries(), outdir)
  await bundle(packageEntries(), join(outdir, 'browser'), 'browser')
  await bundle(browserEntries(), join(outdir, 'workerd'), 'workerd')
  await writeLayers(outdir)
  await bundle({ index: join(root, 'src/index.ts') }, join(outdir, 'inline'), 'inline')
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json']
  execFileSync(process.execPath, [...tsc, '--outDir', join(outdir, 'types')], { cwd: root, stdio: 'inherit' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(join(root, 'dist'))
