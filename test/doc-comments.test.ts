import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const declaration = /^export (?:abstract )?(?:async )?(?:function\*?|class|const|interface|type) (\w+)/

/** The names that a file passes on from others. */
const namesOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
    list
      .split(',')
      .map((name) => name.trim().replace('type ', '').split(' as ')[0])
      .filter(Boolean),
  )

test('every public name has a doc comment', () => {
  const names = new Set(['src/index.ts', 'src/keras/index.ts', 'src/ort.ts'].flatMap(namesOf))
  const found = new Set<string>()
  const bare: string[] = []
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const lines = readFileSync(join('src', file), 'utf8').split('\n')
    lines.forEach((line, i) => {
      const [, name] = declaration.exec(line) ?? []
      if (name === undefined || !names.has(name)) return
      found.add(name)
      const overloads = new RegExp(`^export function ${name}\\b`)
      let before = i - 1
      while (overloads.test(lines[before] ?? '') || lines[before]?.startsWith('//')) before--
      if (!lines[before]?.trimEnd().endsWith('*/')) bare.push(`${file}: ${name}`)
    })
  }
  assert.ok(found.size > 80, `${found.size}`)
  assert.equal(bare, [])
})

test.run()
