// Builds dist/: the kernel table, the four wasm builds, the bundles, the type declarations.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import asc from 'assemblyscript/asc'
import { build } from 'esbuild'
import { generateDepthwiseTiles } from './depthwise-tiles.mjs'
import { generateKernelTable, parts } from './kernels.mjs'
import { generateMicrokernels } from './microkernels.mjs'
import { generatePacks } from './packs.mjs'

export const root = resolve(fileURLToPath(import.meta.url), '../..')
export const targets = ['single-simd', 'single-relaxed', 'shared-simd', 'shared-relaxed']
/** The .wasm files of a build: one for each part of the kernels. */
export const filesOf = (target) => parts.map((part) => `lanewise-${target}${part === 'core' ? '' : `-${part}`}.wasm`)
/** Bytes of a part that comes later: it has to fit a page of memory, behind its length. */
const LARGEST_PART = 65532
export const wasmFolder = join(root, 'build/wasm')

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

/** Takes another file in place of `name`.ts of src/backend/wasm: files.ts says where kernels and workers come from, open-engine.ts where kernels run. */
const insteadOf = (name, file) => ({
  name: file,
  setup({ onLoad }) {
    onLoad({ filter: new RegExp(`backend[\\\\/]wasm[\\\\/]${name}\\.ts$`) }, ({ path }) => ({
      contents: readFileSync(join(dirname(path), file), 'utf8'),
      loader: 'ts',
      resolveDir: dirname(path),
    }))
  },
})

const engineHere = insteadOf('open-engine', 'open-engine-here.ts')

/** Kernels as text. */
const embedded = {
  name: 'embedded kernels',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^embedded:/ }, ({ path }) => ({ path: path.slice('embedded:'.length), namespace: 'embedded' }))
    onLoad({ filter: /.*/, namespace: 'embedded' }, ({ path }) => {
      const packed = gzipSync(readFileSync(join(wasmFolder, `lanewise-${path}.wasm`)), { level: 9 })
      return { contents: packed.toString('base64'), loader: 'text' }
    })
  },
}

/**
 * Keeps what every page loads in one chunk; each file costs Node a millisecond of its start, too. esbuild makes a chunk for each
 * set of parts that use the same modules, a score of them for a page; so each part that is loaded on demand is made to use all
 * of the core, by imports that leave no code. Parts of Keras's layer and of data are made to use all of lanewise, where a page
 * starts with that, else what every model has.
 */
const oneCore = {
  name: 'one core',
  setup({ initialOptions, onLoad }) {
    const parts = loadedOnDemand()
    const index = join(root, 'src/index.ts')
    const models = ['sequential', 'layers/convolution', 'layers/pooling', 'layers/reshaping']
    const used = Object.values(initialOptions.entryPoints ?? {}).includes(index)
      ? [index]
      : models.map((name) => join(root, `src/keras/${name}.ts`))
    onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
      if (!parts.has(path)) return
      const core = [join(root, 'src/session.ts'), join(root, 'package.json')]
      if (/[\\/]src[\\/](data|keras)[\\/]/.test(path)) core.push(...used)
      const imports = core.map((file) => `import ${JSON.stringify(file)}\n`)
      return { contents: `${readFileSync(path, 'utf8')}\n${imports.join('')}`, loader: 'ts' }
    })
  },
}

/** The modules of src that others of it import dynamically. */
function loadedOnDemand() {
  const files = readdirSync(join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.ts'))
  return new Set(
    files.flatMap((file) => {
      const path = join(root, 'src', file)
      const imports = readFileSync(path, 'utf8').matchAll(/\bimport\('(\.{1,2}\/[^']+)\.js'\)/g)
      return Array.from(imports, ([, name]) => resolve(dirname(path), `${name}.ts`))
    }),
  )
}

/** The names that a module of src exports. */
async function exportsOf(path) {
  const options = { entryPoints: [path], bundle: true, write: false, metafile: true, format: 'esm', platform: 'node' }
  const { metafile } = await build({ ...options, packages: 'external', logLevel: 'error' })
  return Object.values(metafile.outputs)[0].exports
}

/**
 * Makes the namespaces that lanewise exports (`layers`, `callbacks` …) plain objects: esbuild makes an object of a namespace by a
 * call, which other bundlers cannot leave out, and with it nothing of the module.
 */
const namespaces = {
  name: 'namespaces',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /[\\/]src[\\/](index|keras[\\/](index|json))\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replace(/^export \* as (\w+) from '(.+)'$/gm, "export { namespace as $1 } from 'namespace:$2'")
        .replace(/^import \* as (\w+) from '(.+)'$/gm, "import { namespace as $1 } from 'namespace:$2'"),
      loader: 'ts',
    }))
    onResolve({ filter: /^namespace:/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.slice('namespace:'.length)).replace(/\.js$/, '.ts'),
      namespace: 'namespaces',
      sideEffects: false,
    }))
    onLoad({ filter: /.*/, namespace: 'namespaces' }, async ({ path }) => {
      const names = (await exportsOf(path)).join(', ')
      const contents = `import { ${names} } from ${JSON.stringify(path)}\nexport const namespace = { ${names} }`
      return { contents, resolveDir: dirname(path) }
    })
  },
}

/** Lets CommonJS packages in the bundles require Node's modules; only the chunks that hold such packages make a `require`. */
const requiredBuiltins = {
  name: 'required builtins',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /.*/ }, ({ kind, path }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('./builtin.mjs').requireBuiltin(${JSON.stringify(path)})`,
      resolveDir: join(root, 'scripts'),
    }))
  },
}

/** Minifies scripts once more, by names that gzip packs better: 4 % less to download. Source maps go through it. */
const shortened = {
  name: 'shortened',
  setup({ initialOptions, onEnd }) {
    const writes = initialOptions.write !== false
    initialOptions.write = false
    onEnd(async ({ outputFiles }) => {
      const { minify } = await import('@swc/core')
      const maps = new Map(outputFiles.map((file) => [file.path, file]))
      for (const file of outputFiles) {
        if (!file.path.endsWith('.js')) continue
        const map = maps.get(`${file.path}.map`)
        const { code, map: shorterMap } = await minify(file.text, {
          module: true,
          ecma: 2022,
          compress: { passes: 3 },
          mangle: true,
          format: { comments: 'some' },
          sourceMap: map ? { content: map.text, filename: basename(file.path) } : false,
        })
        file.contents = Buffer.from(map ? `${code}\n//# sourceMappingURL=${basename(map.path)}\n` : code)
        if (map) map.contents = Buffer.from(shorterMap)
      }
      if (!writes) return
      for (const { path, contents } of outputFiles) {
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, contents)
      }
    })
  },
}

/** What the builds for the kinds of host differ in: browsers have no `process`, and nothing that hangs on it. */
const platforms = {
  node: {
    target: 'es2022',
    external: ['esbuild', 'onnxruntime-web', 'playwright-core', 'publint', 'puppeteer-core', 'webgpu'],
    lineLimit: 120,
    plugins: [oneCore, engineHere, requiredBuiltins],
    logOverride: { 'ignored-bare-import': 'silent' },
  },
  browser: {
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [oneCore, namespaces, shortened],
    logOverride: { 'ignored-bare-import': 'silent' },
  },
  // Each worker is one file that imports nothing: bundlers that know no workers need only copy it, and it starts sooner.
  // The command loads its modules once it has asked for the cache of compiled scripts.
  alone: {
    platform: 'node',
    splitting: false,
    target: 'es2022',
    external: ['./main.js', './env-paths.js', './decode-jpeg.js'],
  },
  workers: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [shortened],
  },
  workerd: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    external: ['*.wasm'],
    plugins: [insteadOf('files', 'files-workerd.ts'), engineHere],
  },
  inline: {
    platform: 'browser',
    splitting: false,
    target: 'es2022',
    define: { process: 'undefined' },
    plugins: [insteadOf('files', 'files-inline.ts'), engineHere, embedded],
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
  await bundle({ ...browserEntries(), layers: join(root, 'src/layers.ts') }, join(outdir, 'browser'), 'browser')
  await bundle(browserEntries(), join(outdir, 'workerd'), 'workerd')
  await writeLayers(outdir)
  await bundle({ index: join(root, 'src/index.ts') }, join(outdir, 'inline'), 'inline')
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json']
  execFileSync(process.execPath, [...tsc, '--outDir', join(outdir, 'types')], { cwd: root, stdio: 'inherit' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(join(root, 'dist'))
