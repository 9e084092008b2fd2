// Bundles bench/NAME.ts and runs it: `node scripts/bench.mjs NAME [options of the benchmark]`. For the suite it also
// installs the peers into bench/, and builds lanewise, and the commit that --against names; for `page` it builds bench/pages.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import asc from 'assemblyscript/asc'
import { browserEntries, buildWasm, bundle, entries, packageEntries, root } from './build.mjs'

const [name, ...options] = process.argv.slice(2)
const outdir = join(root, 'build', `bench-${process.pid}`)
const dist = join(outdir, 'lanewise')
const single = join(outdir, 'lanewise-single')
const peak = join(outdir, 'peak')

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

function installPeers() {
  if (existsSync(join(root, 'bench/node_modules'))) return
  console.log('installing the libraries to compare with into bench/node_modules (about 1 GB)')
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: join(root, 'bench'),
    stdio: 'inherit',
  })
}

/** The peak microkernels, beside the suite. */
async function buildPeak() {
  for (const target of ['simd', 'relaxed']) {
    const outFile = join(peak, `peak-${target}.wasm`)
    const config = ['--config', 'assembly/bench/asconfig.json', '--target', target, '--outFile', outFile]
    const { error, stderr } = await asc.main(config)
    if (error) throw new Error(`asc ${target}: ${stderr.toString() || error.message}`)
  }
}

/** The pages of bench/pages, where test/embed/browser.ts looks for them. */
async function buildPages() {
  const names = readdirSync(join(root, 'bench/pages')).map((file) => file.replace(/\.ts$/, ''))
  const pages = Object.fromEntries(names.map((page) => [`pages/${page}`, join(root, `bench/pages/${page}.ts`)]))
  await bundle({ ...browserEntries(), ...pages }, join(outdir, 'browser'), 'browser')
  await bundle(packageEntries(), join(outdir, 'browser/first'), 'browser')
  process.env.LANEWISE_TEST_BUILD = outdir
}

/** Builds another commit of lanewise by its own scripts, in a worktree for the time; a build is kept for the next call. */
function buildCommit(reference) {
  const commit = git('rev-parse', '--short', `${reference}^{commit}`)
  const dist = join(root, 'build/against', commit)
  if (!existsSync(join(dist, 'index.js'))) {
    console.log(`building ${reference} (${commit})`)
    const tree = join(outdir, 'tree')
    git('worktree', 'add', '--detach', tree, commit)
    try {
      symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
      const program = `import asc from 'assemblyscript/asc'
import { buildWasm, bundle, entries } from './scripts/build.mjs'
        await buildWasm(); await bundle(entries(), ${JSON.stringify(dist)})`
      execFileSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: tree, stdio: 'inherit' })
    } finally {
      git('worktree', 'remove', '--force', tree)
    }
  }
  return { name: `lanewise ${commit}`, dist }
}

try {
  await buildWasm()
  mkdirSync(outdir, { recursive: true })
  process.chdir(root)
  const bundled = join(outdir, 'bench')
  if (name === 'suite') {
    installPeers()
    await bundle(entries(), dist)
    cpSync(dist, single, { recursive: true })
    await buildPeak()
  }
  if (name === 'page') await buildPages()
  const programs = name === 'suite' ? ['suite', 'child', 'start'] : [name]
  await bundle(Object.fromEntries(programs.map((item) => [item, join(root, 'bench', `${item}.ts`)])), bundled)
  process.argv.splice(2, process.argv.length, ...options)
  const module = await import(pathToFileURL(join(bundled, `${name}.js`)).href)
  if (name === 'suite') {
    const { against } = parseArgs({ args: options, options: { against: { type: 'string' } }, strict: false }).values
    const commit = git('describe', '--always', '--dirty')
    const setting = { root, commit, dist, single, programs: bundled, peak, against: against && buildCommit(against) }
    process.exitCode = (await module.main(setting)) ? 0 : 1
  }
} finally {
  rmSync(outdir, { recursive: true, force: true })
}
