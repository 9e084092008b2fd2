import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

interface Source {
  readonly path: string
  readonly text: string
}

const { hinted, recording } = (await import(pathToFileURL(resolve('scripts/eager/functions.mjs')).href)) as {
  hinted(source: Source, numbers: readonly number[], open?: string): Promise<string>
  recording(source: Source, name: string): Promise<string>
}

const load = async (text: string) =>
  (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as { readonly result: unknown }

/** Sources with their number of functions, and what they export as `result`. */
const rows: Record<string, [text: string, functions: number, result: unknown]> = {
  'declarations are called before they are written': [
    'export const result = [one(), two()]\nfunction one(): number { return 1 }\nexport function two() { return one() + 1 }',
    2,
    [1, 2],
  ],
  'declarations with statements between them': [
    'export function a() { return b() + c() }\nconst first = a()\nfunction b() { return 1 }\nconst second = a()\nfunction c() { return 2 }\nexport const result = [first, second]',
    3,
    [3, 3],
  ],
  'declarations in blocks': [
    'function f(x: number) { let sum = g(x)\n { sum += h()\n function h() { return 10 } }\n return sum\n function g(y: number) { return y * 2 } }\nexport const result = f(2)',
    3,
    14,
  ],
  overloads: [
    'export function f(x: number): number\nexport function f(x: string): string\nexport function f(x: unknown) { return x }\nexport const result = f(1)',
    1,
    1,
  ],
  'a function that calls itself by its name': [
    'const f = function down(n: number): number { return n ? down(n - 1) : 7 }\nfunction g(n: number): number { return n ? g(n - 1) : f(3) }\nexport const result = g(3)',
    2,
    7,
  ],
  names: [
    'const arrow = () => 1\nfunction declared() {}\nconst held = { key: () => 1 }\nexport const result = [arrow, declared, held.key].map(nameOf)\nfunction nameOf(f: () => unknown) { f(); return f.name }',
    4,
    ['arrow', 'declared', 'key'],
  ],
  'arrow functions keep their outer this': [
    'class A { x = 1; field = () => this.x; get() { return [1, 2].map((n) => [n].map((m) => m + this.x)[0]) } }\nconst a = new A()\nexport const result = [...a.get(), a.field()]',
    3,
    [2, 3, 1],
  ],
  'arrow functions keep their outer arguments, super and new.target': [
    'class A { name() { return "a" } }\nclass B extends A { target; constructor() { super(); this.target = (() => new.target === B)() } name() { return (() => super.name())() + "b" } }\nfunction count(..._: number[]) { return (() => arguments.length)() }\nexport const result = [new B().name(), new B().target, count(1, 2)]',
    4,
    ['ab', true, 2],
  ],
  'a function in an arrow function has a this of its own': [
    'const make = () => function (this: { x: number }) { return this.x }\nexport const result = make().call({ x: 5 })',
    2,
    5,
  ],
  'arrow functions that return objects, conditions, sequences and functions': [
    'const a = () => ({ x: 1 })\nconst b = (x: number) => x ? 1 : 2\nconst c = () => (1, 2)\nconst d = (x: number) => (y: number) => (z: number) => x + y * z\nexport const result = [a().x, b(0), c(), d(1)(2)(3)]',
    6,
    [1, 2, 2, 7],
  ],
  'defaults, rest and destructuring': [
    'const f = ({ a = 1, b }: { a?: number; b: number }, [c] = [3], ...d: number[]) => [a, b, c, ...d]\nconst g = (h = () => 4, k = (x: number) => x + h()) => k(1)\nexport const result = [...f({ b: 2 }, undefined, 4), g()]',
    4,
    [1, 2, 3, 4, 5],
  ],
  generators: [
    'function* numbers() { yield 1; yield* (function* () { yield 2 })() }\nexport const result = [...numbers()]',
    2,
    [1, 2],
  ],
  'asynchronous functions': [
    'const one = async () => 1\nconst two = async (x: number) => { return (await one()) + x }\nasync function three() { return (await two(1)) + 1 }\nasync function* four() { yield 4 }\nlet last = 0\nfor await (const x of four()) last = x\nexport const result = [await one(), await two(1), await three(), last]',
    4,
    [1, 2, 3, 4],
  ],
  'methods, accessors and constructors are no functions to mark': [
    'class A { #x = 1; constructor() { this.#x++ } get x() { return this.#x } m() { return this.x } }\nconst o = { m() { return 1 }, get n() { return 2 } }\nexport const result = [new A().m(), o.m(), o.n]',
    0,
    [2, 1, 2],
  ],
  'text that looks like code': [
    `const f = () => \`=> \${((x: string) => \`(\${x}=>\`)('a')} (\`\nexport const result = f()`,
    2,
    '=> (a=> (',
  ],
}

for (const [name, [text, functions, result]] of Object.entries(rows)) {
  const source = { path: '/source.ts', text }
  const all = Array.from({ length: functions }, (_, number) => number)

  test(`marked or not, the same: ${name}`, async () => {
    assert.equal((await load(await hinted(source, []))).result, result)
    for (const number of all) assert.equal((await load(await hinted(source, [number]))).result, result, `${number}`)
    assert.equal((await load(await hinted(source, all))).result, result)
  })

  test(`each function tells that it is called: ${name}`, async () => {
    const called = new Set<unknown>()
    const holder = globalThis as { called?: (file: string, number: number) => void }
    holder.called = (file, number) => called.add(`${file} ${number}`)
    try {
      assert.equal((await load(await recording(source, `file of ${name}`))).result, result)
    } finally {
      delete holder.called
    }
    assert.equal(
      [...called].sort(),
      all.map((number) => `file of ${name} ${number}`),
    )
  })
}

test('marks are parentheses, behind what the caller wants', async () => {
  const text = await hinted({ path: '/source.ts', text: 'export const f = () => 1' }, [0], 'mark')
  assert.match(text, /^export const f = mark\(function\(\)\s*\{return\(\s*1\)\}\)/)
})

test('places in the sources stay known', async () => {
  const text =
    'const before = 1\nexport function fail(): never {\n  throw new Error("here")\n}\nexport const result = 1\n'
  const [code, encoded] = (await hinted({ path: '/source.ts', text }, [0])).split(
    '//# sourceMappingURL=data:application/json;base64,',
  )
  const map = new SourceMap(JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload)
  const before = code.slice(0, code.indexOf('throw')).split('\n')
  const entry = map.findEntry(before.length - 1, before.at(-1)!.length)
  assert.match(code, /const fail = \(function/)
  assert.equal([(entry as SourceMapping).originalSource, (entry as SourceMapping).originalLine], ['/source.ts', 2])
})

test.run()
