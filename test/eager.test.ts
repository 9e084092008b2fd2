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

/** Imports a module; what it imports are files, which it names by paths. */
const load = async (text: string) => {
  const module = text.replace(/ from "(\/.+)"/, (_, path: string) => ` from ${JSON.stringify(pathToFileURL(path))}`)
  return (await import(`data:text/javascript,${encodeURIComponent(module)}`)) as { readonly result: unknown }
}

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
    4,
    [2, 3, 1],
  ],
  'arrow functions keep their outer arguments, super and new.target': [
    'class A { name() { return "a" } }\nclass B extends A { target; constructor() { super(); this.target = (() => new.target === B)() } name() { return (() => super.name())() + "b" } }\nfunction count(..._: number[]) { return (() => arguments.length)() }\nexport const result = [new B().name(), new B().target, count(1, 2)]',
    7,
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
  'methods, accessors and constructors': [
    'class A { #x = 1; constructor() { this.#x++ } get x() { return this.#x } m(y: number) { return this.x + y } }\nconst o = { m() { return 1 }, get n() { return 2 }, ["k" + 1]() { return this.m() + 2 }, "a b"() { return 4 } }\nexport const result = [new A().m(1), o.m(), o.n, o.k1(), o["a b"]()]',
    7,
    [3, 1, 2, 3, 4],
  ],
  'methods that wait or give several values, of objects and classes': [
    'class A { async m() { return await this.#n() } async #n() { return 1 } *g() { yield 1; yield* this.#h() } *#h() { yield 2 } async *a() { yield 3 } }\nconst o = { async m() { return 4 }, *g() { yield 5 }, async *a() { yield 6 } }\nconst all = []\nfor await (const x of new A().a()) all.push(x)\nfor await (const x of o.a()) all.push(x)\nexport const result = [await new A().m(), ...new A().g(), await o.m(), ...o.g(), ...all]',
    8,
    [1, 1, 2, 4, 5, 3, 6],
  ],
  'private methods': [
    'class A { #x; constructor(x: number) { this.#x = x } #plus(...ys: number[]) { return ys.reduce((sum, y) => sum + y, this.#x) } sum(other: A) { return [this.#plus(), this.#plus(1, 2), other.#plus(this.#plus(1)), [1].map((y) => this.#plus(y))[0]] } }\nexport const result = new A(10).sum(new A(20))',
    5,
    [10, 13, 31, 11],
  ],
  'private methods that are passed on, looked for, called on what an expression gives or on what may be missing': [
    'class A { #a() { return 1 } #b() { return 2 } #c() { return 3 } #d() { return 4 } make() { return this } all(none?: A) { return [[0].map(this.#a)[0], #b in this, this.#b(), this.make().#c(), this?.#d(), none?.#d()] } }\nexport const result = new A().all()',
    6,
    [1, true, 2, 3, 4, undefined],
  ],
  'private methods where the name of the class means something else, or of two classes': [
    'class A { #a(): number { const A = 1; return A } #b() { return 2 } inner() { class B { #b() { return 3 } get() { return this.#b() } } return [this.#a(), this.#b(), new B().get()] } }\nconst C = class { #a() { return 4 } get() { return this.#a() } }\nexport const result = [...new A().inner(), new C().get()]',
    7,
    [1, 2, 3, 4],
  ],
  'methods that subclasses have, too': [
    'class A { m() { return 1 } n() { return this.m() } static s() { return this.name } }\nclass B extends A { m() { return 2 + super.m() } }\nclass C extends B { m() { return 9 } }\nexport const result = [new A().n(), new B().n(), new C().n(), B.s()]',
    5,
    [1, 3, 9, 'B'],
  ],
  'static fields that use what the class defines': [
    'class A { static one = new A(); static two = A.one.m(); static three = (() => this.two + 1)(); value = this.#n(); m() { return this.value } #n() { return 5 } }\nexport const result = [A.two, A.three]',
    3,
    [5, 6],
  ],
  'methods are not listed, and may be replaced': [
    'class A { x = 1; m() { return 1 } }\nconst keys = []\nfor (const key in new A()) keys.push(key)\nconst first = [new A().m(), new A().m.name]\nA.prototype.m = () => 2\nexport const result = [keys.join(), ...first, new A().m()]',
    2,
    ['x', 1, 'm', 2],
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
