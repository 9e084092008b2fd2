// Builds the documentation site, by TypeDoc, from the doc comments of the public surface, the guides and the pages of docs/:
// `npm run docs:site [-- FOLDER]`, default build/site. TypeDoc is installed into site/ on first use.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from './build.mjs'

const site = join(root, 'site')
const source = join(root, 'build/site-source')

/** Copies what the pages link to, and gives each page its first heading as the title. */
function prepare() {
  rmSync(source, { recursive: true, force: true })
  const skipped = /[\\/](node_modules|dist)([\\/]|$)/
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs', 'examples', 'bench/NOTES.md'])
    cpSync(join(root, name), join(source, name), {
      recursive: true,
      filter: (path) => !skipped.test(path.slice(root.length)),
    })
  for (const name of readdirSync(source, { recursive: true })) {
    if (!name.endsWith('.md') || name === 'README.md') continue
    const text = readFileSync(join(source, name), 'utf8')
    const title = /^# (.+)$/m.exec(text)?.[1]
    if (title) writeFileSync(join(source, name), `---\ntitle: ${JSON.stringify(title)}\n---\n\n${text}`)
  }
}

const out = resolve(process.argv[2] ?? join(root, 'build/site'))
const typedoc = join(site, 'node_modules/typedoc/bin/typedoc')
const run = (program, ...values) => execFileSync(program, values, { cwd: site, stdio: 'inherit' })
if (!existsSync(typedoc)) run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
prepare()
run(process.execPath, typedoc, '--out', out)
console.log(`open ${join(out, 'index.html')}, or serve the folder from any host`)
