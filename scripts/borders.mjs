// Fails when a file imports from a folder that its own folder may not know; types count, too. docs/architecture.md has the map.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(import.meta.url), '../..')

/** What each place may import from besides itself. A file belongs to the longest place that its path begins with. */
const stages = ['src/core', 'src/ops', 'src/graph']
const places = {
  'src/core': [],
  'src/ops': ['src/core'],
  'src/graph': ['src/core', 'src/ops'],
  'src/autodiff': stages,
  'src/optimise': stages,
  'src/plan': stages,
  'src/backend': ['src/core', 'src/plan'],
  'src/backend/reference': [...stages, 'src/plan', 'src/backend'],
  'src/backend/wasm': ['src/core', 'src/ops', 'src/plan', 'src/backend', 'src/backend/reference', 'package.json'],
  'src/backend/webgpu': ['src/core', 'src/ops', 'src/plan', 'src/backend'],
  'src/environment.ts': ['src/core', 'src/backend', 'src/backend/reference', 'src/backend/wasm', 'src/backend/webgpu'],
  'src/compile.ts': [...stages, 'src/optimise', 'src/plan', 'src/backend', 'src/backend/reference'],
  'src/packs': [...stages, 'src/autodiff', 'src/optimise', 'src/backend/reference', 'src/backend/wasm'],
  'src/program': [...stages, 'src/packs', 'src/backend', 'src/backend/reference', 'src/compile.ts'],
  'src/onnx': [...stages, 'src/autodiff', 'src/packs'],
  'src/data': ['src/core'],
  'src/session.ts': [
    ...stages,
    'src/onnx',
    'src/backend',
    'src/backend/reference',
    'src/compile.ts',
    'src/program',
    'src/environment.ts',
  ],
  'src/ort.ts': ['src/core', 'src/ort-providers.ts', 'src/ort-tensor.ts', 'src/session.ts'],
  'src/ort-providers.ts': ['src/core', 'src/backend/webgpu', 'src/environment.ts', 'package.json'],
  'src/ort-tensor.ts': ['src/core', 'src/ort-images.ts'],
  'src/ort-images.ts': ['src/core', 'src/ops'],
  'src/keras': [
    ...stages,
    'src/autodiff',
    'src/optimise',
    'src/packs',
    'src/onnx',
    'src/data',
    'src/backend',
    'src/backend/reference',
    'src/compile.ts',
    'src/environment.ts',
  ],
  'src/layers.ts': ['src/keras'],
  'src/search': ['src/core'],
  'src/index.ts': [
    'src/core',
    'src/ops',
    'src/packs',
    'src/onnx',
    'src/data',
    'src/keras',
    'src/environment.ts',
    'src/session.ts',
    'package.json',
  ],
  'src/report': ['src/core', 'src/data'],
  'src/cli': [
    ...stages,
    'src/optimise',
    'src/plan',
    'src/packs',
    'src/onnx',
    'src/data',
    'src/report',
    'src/backend',
    'src/backend/reference',
    'src/compile.ts',
    'src/program',
    'src/environment.ts',
    'src/session.ts',
    'src/keras',
    'src/search',
    'package.json',
  ],
  models: ['src/index.ts', 'src/cli'],
  demo: ['src/index.ts', 'src/data', 'models'],
}

const placeOf = (path) =>
  Object.keys(places)
    .concat('package.json')
    .filter((place) => path === place || path.startsWith(`${place}/`))
    .sort((a, b) => b.length - a.length)[0]

/** Paths, from the root, of the files that `file` imports by a relative specifier. */
function* importsOf(file) {
  const source = readFileSync(join(root, file), 'utf8')
  for (const [, a, b] of source.matchAll(
    /^(?:import|export|\}) (?:[^'"]*? ?from )?'(\.[^']+)'|import\('(\.[^']+)'\)/gm,
  )) {
    const path = normalize(join(dirname(file), a ?? b)).replaceAll('\\', '/')
    const typescript = path.replace(/\.js$/, '.ts')
    yield existsSync(join(root, typescript)) ? typescript : path
  }
}

const files = ['src', 'models', 'demo'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
)

const problems = []
let count = 0
for (const file of files.sort()) {
  const from = placeOf(file)
  if (!from) {
    problems.push(`${file} lies in no place that scripts/borders.mjs names`)
    continue
  }
  for (const target of importsOf(file)) {
    const to = placeOf(target)
    count++
    if (to !== from && !places[from].includes(to))
      problems.push(`${file} imports ${target}: ${from} may not know ${to}`)
  }
}
if (count < files.length) problems.push(`only ${count} imports were found in ${files.length} files`)
for (const problem of problems) console.error(problem)
console.log(`${files.length} files, ${count} imports, ${problems.length} across a border`)
process.exitCode = problems.length > 0 ? 1 : 0
