// What the bundler does to the sources of src on their way into a bundle, and to the bundles.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { marker } from './eager/functions.mjs'
import { root, wasmFolder } from './folders.mjs'

/**
 * The plugin that reads the files of src: esbuild asks one plugin for a file, so all that changes sources are `edits`. Each gets the
 * build, as plugins do, and returns a function from a source, { path, text }, to what stands in for it; the next goes on from there.
 */
export const sources = (...edits) => ({
  name: 'sources',
  setup(build) {
    const steps = edits.map((edit) => edit(build))
    const folder = join(root, 'src') + sep
    build.onLoad({ filter: /\.ts$/, namespace: 'file' }, async ({ path }) => {
      if (!path.startsWith(folder)) return
      let source = { path, text: readFileSync(path, 'utf8') }
      for (const step of steps) source = await step(source)
      return { contents: source.text, loader: 'ts', resolveDir: dirname(path) }
    })
  },
})

const wasmSources = join(root, 'src/backend/wasm')

/** Takes another file in place of `name`.ts of src/backend/wasm: files.ts says where kernels and workers come from, open-engine.ts where kernels run. */
export const insteadOf =
  (name, file) =>
  () =>
  ({ path, text }) => {
    if (path !== join(wasmSources, `${name}.ts`)) return { path, text }
    const other = join(wasmSources, file)
    return { path: other, text: readFileSync(other, 'utf8') }
  }

export const engineHere = insteadOf('open-engine', 'open-engine-here.ts')

/** Kernels as text. */
export const embedded = {
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
 * of the core, by imports that leave no code; packs (but that of training) and programs, all reference kernels of the core's ops;
 * those of Keras and of data, all that any of them shares with lanewise; `lanewise/layers`, which no page loads without the rest,
 * all of lanewise. No part uses the chunk that only some pages load: Rolldown refuses a worker in Vite's default format where a
 * part that the page leaves out uses the chunk which would load it.
 */
export const oneCore = ({ initialOptions }) => {
  const parts = loadedOnDemand()
  const [index, layers, session] = ['index', 'layers', 'session'].map((name) => join(root, `src/${name}.ts`))
  const whole = Object.values(initialOptions.entryPoints ?? {}).includes(index) ? [index] : []
  let shared
  return async ({ path, text }) => {
    if (path === layers) return { path, text: `${text}\n${importsOf(whole)}` }
    if (!parts.has(path)) return { path, text }
    const core = [session, join(root, 'package.json')]
    if (/[\\/]src[\\/](packs[\\/](?!training)|program|backend[\\/]reference)/.test(path))
      core.push(join(root, 'src/backend/reference/complete.ts'))
    if (whole.length > 0 && ofIndex.test(path)) core.push(...(await (shared ??= sharedOf(index, session, parts))))
    return { path, text: `${text}\n${importsOf(core)}` }
  }
}

/** The parts that only pages with all of lanewise load. */
const ofIndex = /[\\/]src[\\/](keras|data)[\\/]/

/** What the parts of `ofIndex` share with `index` and not with `session`: modules that load nothing on demand, by no import of theirs. */
async function sharedOf(index, session, parts) {
  const options = { entryPoints: [index], bundle: true, write: false, metafile: true, format: 'esm', outdir: root }
  const { metafile } = await build({ ...options, absWorkingDir: root, packages: 'external', logLevel: 'error' })
  const imports = (file, kind) => metafile.inputs[file].imports.filter((one) => one.kind === kind && !one.external)
  const closure = (file, found = new Set()) => {
    if (found.has(file)) return found
    found.add(file)
    for (const { path } of imports(file, 'import-statement')) closure(path, found)
    return found
  }
  const nameOf = (path) => relative(root, path).replaceAll('\\', '/')
  const core = closure(nameOf(session))
  const page = closure(nameOf(index))
  const used = [...parts].filter((path) => ofIndex.test(path)).flatMap((path) => [...closure(nameOf(path))])
  const loadsNothing = (file) =>
    [...closure(file)].every((other) => core.has(other) || imports(other, 'dynamic-import').length === 0)
  return [...new Set(used)]
    .filter((file) => page.has(file) && !core.has(file) && loadsNothing(file))
    .map((file) => join(root, file))
}

const importsOf = (files) => files.map((file) => `import ${JSON.stringify(file)}\n`).join('')

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
export const namespaces = ({ onLoad, onResolve }) => {
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
  const files = ['index.ts', 'keras/index.ts', 'keras/json.ts'].map((file) => join(root, 'src', file))
  return ({ path, text }) => {
    if (!files.includes(path)) return { path, text }
    const rewritten = text
      .replace(/^export \* as (\w+) from '(.+)'$/gm, "export { namespace as $1 } from 'namespace:$2'")
      .replace(/^import \* as (\w+) from '(.+)'$/gm, "import { namespace as $1 } from 'namespace:$2'")
    return { path, text: rewritten }
  }
}

const classHead = /^(?:export )?(?:abstract )?class (\w+).*(?:\n {2}(?:extends|implements) .*)?\{$/gm

/** Keeps the names of the classes of src, which consoles show for their objects. It comes after what counts functions. */
export const classNames =
  () =>
  ({ path, text }) => ({ path, text: text.replace(classHead, '$& static get name() { return "$1" }') })

/** Lets CommonJS packages in the bundles require Node's modules; only the chunks that hold such packages make a `require`. */
export const requiredBuiltins = {
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

/** Functions that a start calls, in parentheses; of annotations, those which bundlers do not know by themselves. */
const markedIn = (code) =>
  code
    .replace(/\/\* @__PURE__ \*\/(?=new (?:Weak)?(?:Map|Set)\b)/g, '')
    .replaceAll(`/* @__PURE__ */${marker}(`, ' (')
    .replaceAll(`${marker}(`, ' (')

const importLists = /^import \{([^}]*)\} from "([^"]+)";$/gm

/** The entries of a list of imports or exports, each [name, what it becomes]. */
const namesIn = (list) => {
  const entries = list.split(',').map((entry) => entry.trim())
  return entries
    .filter((entry) => entry !== '')
    .map((entry) => entry.split(/\s+as\s+/))
    .map(([a, b = a]) => [a, b])
}

/** `code` with every name that it imports from a chunk as `names` has it: by chunk, a map from exported names to new ones. */
const renamedImports = (code, names) =>
  code.replace(importLists, (text, list, chunk) => {
    const renamed = names.get(basename(chunk))
    if (!renamed) return text
    return `import {${namesIn(list).map(([name, local]) => `\n  ${renamed.get(name)} as ${local}`)}\n} from "${chunk}";`
  })

/** The outputs of a build, each after those that it imports. */
function* inOrder(outputs, paths = Object.keys(outputs), seen = new Set()) {
  for (const path of paths) {
    if (seen.has(path) || !path.endsWith('.js')) continue
    seen.add(path)
    const imports = outputs[path].imports.filter(({ kind, external }) => kind === 'import-statement' && !external)
    yield* inOrder(
      outputs,
      imports.map((one) => one.path),
      seen,
    )
    yield path
  }
}

/**
 * Minifies scripts once more, by names that gzip packs better: 4 % less to download. What chunks share is exported by the name that
 * it has in its chunk, which is said once. Source maps go through it, and annotations of calls that bundlers of pages may leave out.
 */
export const shortened = {
  name: 'shortened',
  setup({ initialOptions, onEnd }) {
    const writes = initialOptions.write !== false
    Object.assign(initialOptions, { write: false, metafile: true })
    onEnd(async ({ outputFiles, metafile }) => {
      if (!metafile) return // The build failed.
      const { outputs } = metafile
      const { minify } = await import('@swc/core')
      const files = new Map(outputFiles.map((file) => [resolve(file.path), file]))
      const folder = initialOptions.absWorkingDir ?? process.cwd()
      const names = new Map()
      for (const path of inOrder(outputs)) {
        const file = files.get(resolve(folder, path))
        const map = files.get(`${resolve(folder, path)}.map`)
        const { code, map: shorterMap } = await minify(renamedImports(file.text, names), {
          module: true,
          ecma: 2022,
          compress: { passes: 3 },
          mangle: true,
          format: { comments: 'some', preserveAnnotations: true },
          sourceMap: map ? { content: map.text, filename: basename(path) } : false,
        })
        let eager = markedIn(code)
        if (outputs[path].entryPoint === undefined)
          eager = eager.replace(/export\{([^}]*)\};?$/, (_, list) => {
            const locals = namesIn(list)
            names.set(basename(path), new Map(locals.map(([local, name]) => [name, local])))
            return `export{${locals.map(([local]) => local)}};`
          })
        file.contents = Buffer.from(map ? `${eager}\n//# sourceMappingURL=${basename(map.path)}\n` : eager)
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
