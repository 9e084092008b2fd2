// What a page downloads of lanewise: bytes after gzip -9, by kind of use. `npm run sizes` prints them; sizes.json holds the budget.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import {
  browserOptions,
  buildWasm,
  filesOf,
  root,
  targets,
  wasmFolder,
  workerEntries,
  workerOptions,
} from './build.mjs'
import { parts } from './kernels.mjs'

/**
 * What a page imports for each kind of use: the modules themselves, as esbuild keeps in a page what parts that may come later
 * share with anything that is exported beside them; Rollup does not.
 */
const uses = {
  inference: page(`
    export { InferenceSession } from './src/session.js'
    export { Tensor } from './src/core/tensor.js'`),
  training: page(`
    export { InferenceSession } from './src/session.js'
    import { optimizers } from './src/keras/optimizers/index.js'
    import { sequential } from './src/keras/sequential.js'
    import { conv2d, dense, flatten, maxPooling2d } from './src/layers.js'
    const layers = [conv2d({ filters: 8, kernelSize: 3 }), maxPooling2d(), flatten(), dense({ units: 10 })]
    export const net = sequential(layers)
    net.compile({ optimizer: optimizers.adam(), loss: 'sparseCategoricalCrossentropy' })`),
  everything: { start: 'src/index.ts', options: { entryPoints: [join(root, 'src/index.ts')] } },
}

/** A page that holds `contents`: the module that it starts with, and what esbuild is told. */
function page(contents) {
  const start = 'page.js'
  return { start, options: { stdin: { contents, resolveDir: root, sourcefile: start } } }
}

const packed = (bytes) => gzipSync(bytes, { level: 9 }).length

/** The outputs that `entry` loads at once, itself among them; not what it imports by need. */
function loaded(outputs, entry, found = new Set()) {
  if (found.has(entry)) return found
  found.add(entry)
  for (const { path, kind } of outputs[entry].imports) if (kind === 'import-statement') loaded(outputs, path, found)
  return found
}

/** The parts of the kernels that a convolutional network needs in each kind of use: to predict, and to train. */
const kernelsFor = { inference: ['core'], training: ['core', 'training'], everything: ['core', 'training'] }

/** The modules that each kind of use then imports by need, for a convolutional network. */
const modulesFor = { inference: [], training: ['src/packs/training.ts'], everything: ['src/packs/training.ts'] }

const packedKernels = (target, needed) =>
  filesOf(target).reduce(
    (sum, file, index) => (needed.includes(parts[index]) ? sum + packed(readFileSync(join(wasmFolder, file))) : sum),
    0,
  )

/** Bytes by kind of use, in all and by part: the page's scripts, those of its workers besides, the largest build of the kernels. */
export async function measureSizes() {
  await buildWasm()
  const quiet = { absWorkingDir: root, legalComments: 'none', sourcemap: false, write: false }
  const outdir = join(root, 'build/sizes')
  const workers = await build({ ...workerOptions, ...quiet, entryPoints: workerEntries(), outdir })
  const workerBytes = workers.outputFiles.reduce((sum, { contents }) => sum + packed(contents), 0)
  const sizes = {}
  for (const [use, { start, options }] of Object.entries(uses)) {
    const { outputFiles, metafile } = await build({
      ...browserOptions,
      ...options,
      ...quiet,
      outdir,
      metafile: true,
    })
    const { outputs } = metafile
    const outputOf = (entry) => Object.keys(outputs).find((path) => outputs[path].entryPoint === entry)
    const bytesOf = (paths) =>
      [...paths].reduce((sum, path) => {
        const file = outputFiles.find((candidate) => candidate.path === join(root, path))
        return sum + packed(file.contents)
      }, 0)
    const scripts = new Set()
    for (const entry of [start, ...modulesFor[use]]) loaded(outputs, outputOf(entry), scripts)
    const wasm = Math.max(...targets.map((target) => packedKernels(target, kernelsFor[use])))
    const bytes = { page: bytesOf(scripts), workers: workerBytes, wasm }
    sizes[use] = { total: bytes.page + bytes.workers + bytes.wasm, ...bytes }
  }
  return sizes
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const budget = JSON.parse(readFileSync(join(root, 'sizes.json'), 'utf8'))
  for (const [use, { total, ...parts }] of Object.entries(await measureSizes())) {
    const of = Object.entries(parts).map(([part, bytes]) => `${part} ${(bytes / 1000).toFixed(1)}`)
    console.log(`${use}: ${(total / 1000).toFixed(1)} kB (${of.join(', ')}); budget ${budget[use] / 1000} kB`)
  }
}
