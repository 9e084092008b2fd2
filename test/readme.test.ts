import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatNpy } from '../src/data/npy.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { withFolder } from './support/cli.js'
import { writeDigits } from './support/digits.js'

const bundle = fileURLToPath(new URL('..', import.meta.url))
const cli = join(bundle, 'cli.js')
const readme = readFileSync(resolve('README.md'), 'utf8')

/** The fenced blocks of a language, in order. */
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text)

/** A folder with a small data set in MNIST's form, and what the README's commands read. */
function prepare(folder: string): void {
  writeDigits(join(folder, 'data/mnist'), 640, 100)
  const { x } = syntheticDigits(1, 3)
  const pixels = Uint8Array.from(x.data as Float32Array, (value) => 255 * value)
  writeFileSync(join(folder, 'digit.png'), encode({ width: 28, height: 28, data: pixels, channels: 1, depth: 8 }))
  writeFileSync(join(folder, 'a.npy'), formatNpy(x))
  for (const [, name, text] of readme.matchAll(/^```json file=(\S+)\n(.*?)^```/gms))
    writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  mkdirSync(join(folder, 'node_modules/lanewise'), { recursive: true })
  symlinkSync(bundle, join(folder, 'node_modules/lanewise/dist'))
  copyFileSync(resolve('package.json'), join(folder, 'node_modules/lanewise/package.json'))
}

test('the commands and snippets of the README run', () =>
  withFolder((folder) => {
    prepare(folder)
    const environment = { ...process.env, LANEWISE_DATA: join(folder, 'data') }
    const commands = blocks('sh')
      .flatMap((block) => block.split('\n'))
      .filter((line) => line.startsWith('npx lanewise '))
    assert.ok(commands.length >= 5)
    for (const command of commands) {
      const args = command.split(' ').slice(2)
      const { status, stderr } = spawnSync(process.execPath, [cli, ...args], {
        cwd: folder,
        env: environment,
        encoding: 'utf8',
      })
      assert.is(status, 0, `${command}: ${stderr}`)
    }

    const snippets = blocks('ts')
    assert.ok(snippets.length >= 3)
    const importLine = /^import \{(.*)\} from '(.*)'\n/gm
    const names = new Set(['sequential', 'layers'])
    const bodies = snippets.map((snippet) => {
      for (const [, list, from] of snippet.matchAll(importLine)) {
        assert.is(from, 'lanewise')
        for (const name of list.split(',')) names.add(name.trim())
      }
      const isWhole = !snippet.includes('net.') || snippet.includes('const net =')
      const net = isWhole ? '' : 'const net = sequential([layers.dense({ units: 10, inputShape: [4] })])\n'
      return `{\n${net}${snippet.replace(importLine, '')}}`
    })
    const program = `import { ${[...names].join(', ')} } from 'lanewise'\n${bodies.join('\n')}\n`
    writeFileSync(join(folder, 'all.mjs'), program)
    const { status, stdout, stderr } = spawnSync(process.execPath, ['all.mjs'], {
      cwd: folder,
      env: environment,
      encoding: 'utf8',
    })
    assert.is(status, 0, stderr)
    assert.match(stdout, /Total params: 289,630/)
    assert.match(stdout, /accuracy: 0\.\d+|accuracy: 1/)
  }))

test('the links and scripts that the README names are there', () => {
  const { scripts } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { scripts: Record<string, string> }
  for (const [, name] of readme.matchAll(/npm run ([\w:-]+)/g)) assert.ok(name in scripts, name)
  for (const [, path] of readme.matchAll(/\]\(([\w./-]+)\)/g))
    if (path !== 'docs/course.md') assert.ok(readFileSync(resolve(path)).length > 0, path)
})

test.run()
