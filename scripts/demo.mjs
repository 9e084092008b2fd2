// The demo: `node scripts/demo.mjs build` writes build/demo, a folder that any host serves; `npm run demo` builds and serves it.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildWasm, bundle, root } from './build.mjs'
import { isolated, serveFolder } from './static-server.mjs'

const source = join(root, 'demo')
export const demoFolder = join(root, 'build/demo')

/** Builds the demo into `outdir`. */
export async function buildDemo(outdir = demoFolder) {
  await buildWasm()
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  const names = ['main', 'data-worker', 'model-worker']
  const scripts = Object.fromEntries(names.map((name) => [name, join(source, `${name}.ts`)]))
  await bundle({ ...scripts, style: join(source, 'style.css') }, outdir, 'browser')
  for (const file of ['index.html', 'icon.svg']) copyFileSync(join(source, file), join(outdir, file))
}

const usage = `node scripts/demo.mjs build              writes build/demo
node scripts/demo.mjs serve [options]    builds it and serves it with the headers that threads need
  --port N     port (default 8080; 0 takes a free one)
  --host NAME  address to listen on (default localhost)
  --plain      without these headers: one thread`

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '8080' },
      host: { type: 'string', default: 'localhost' },
      plain: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [command] = positionals
  const port = Number(values.port)
  if (values.help || !['build', 'serve'].includes(command)) return console.log(usage)
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Error(`--port ${values.port}: expected a number from 0 to 65535`)
  await buildDemo()
  if (command === 'build') return console.log(`wrote ${demoFolder}`)
  const server = await serveFolder(demoFolder, {
    port,
    host: values.host,
    headers: values.plain ? {} : isolated,
  })
  console.log(`the demo is at ${server.address} (Ctrl+C ends it)`)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await main().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
