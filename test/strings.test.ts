import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { compilePattern } from '../src/backend/reference/regex.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Attributes } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

function apply(op: string, inputs: readonly Tensor[], attributes: Attributes = {}, outputs = 1): readonly Tensor[] {
  const builder = new GraphBuilder()
  const values = inputs.map((tensor, index) => builder.input(`input${index}`, tensor.type, tensor.dims))
  const [value] = builder.emit(op, values, attributes, outputs)
  return evaluate(builder.producer(value)!, inputs)
}

const text = (...strings: string[]) => new Tensor('string', strings)

/** Patterns that RE2 and JavaScript read alike. */
const common: readonly (readonly [pattern: string, flags: string])[] = [
  ['', ''],
  ['a|b|', ''],
  ['(ab)*c+', ''],
  ['a{2,4}?b{3}c{1,}', ''],
  ['[^a-c]+[\\]x-]', ''],
  ['\\d+\\.\\d*', ''],
  ['(?:x|\\w+)@[a-z]+\\.(com|org)', ''],
  ['^a.c$', ''],
  ['\\ba\\b.*\\Bb', ''],
  ['[A-Z]é+', 'i'],
  ['.+', 's'],
  ['a{x}', ''],
]
const texts = [
  '',
  'a',
  'b',
  'abc',
  'ababcc',
  'aabbbc',
  'aaaabbbcc',
  'xyz]',
  'q-',
  '3.14',
  '3.',
  'me@site.org',
  'a c',
  'abb',
]
const more = ['a xxb', 'zÉé', 'Zé', 'a\nb', '\n', 'a{x}', '😀x', 'ab']

test('patterns match as in JavaScript where both languages agree', () => {
  for (const [pattern, flags] of common) {
    const matches = compilePattern(flags ? `(?${flags})${pattern}` : pattern)
    const expected = new RegExp(`^(?:${pattern.replace('{x}', '\\{x\\}')})$`, `u${flags}`)
    for (const string of [...texts, ...more])
      assert.is(matches(string), expected.test(string), `${pattern} on ${JSON.stringify(string)}`)
  }
})

test('the syntax that RE2 has of its own', () => {
  const holds = (pattern: string, string: string) => compilePattern(pattern)(string)
  assert.ok(holds('\\A(?P<name>a+)\\z', 'aaa'))
  assert.ok(holds('[[:alpha:]_]+[[:^digit:]]', 'ab_c'))
  assert.not(holds('[[:alpha:]]+', 'ab1'))
  assert.ok(holds('\\Qa.b*\\E+', 'a.b***'))
  assert.ok(holds('\\pL\\p{Greek}\\x41\\x{1F600}\\101', 'éαA😀A'))
  assert.ok(holds('(?i:AB)c', 'abc'))
  assert.not(holds('(?i:AB)c', 'abC'))
  assert.ok(holds('a(?s).b', 'a\nb'))
  assert.not(holds('a.b', 'a\nb'))
  assert.ok(holds('(?m)a$\\n^b', 'a\nb'))
})

test('patterns that are not RE2 are refused, and none takes long', () => {
  for (const pattern of [
    '(',
    'a)',
    '[a',
    'a**',
    '*a',
    '(?=a)',
    '(?<!a)b',
    '(a)\\1',
    'a{3,2}',
    'a{2000}',
    '\\p{No}\\pQ',
    '\\',
    '[z-a]',
  ])
    assert.throws(
      () => compilePattern(pattern),
      (error: LanewiseError) => error instanceof LanewiseError && error.code === 'INVALID_MODEL',
    )
  assert.throws(() => compilePattern(`${'('.repeat(5000)}${')'.repeat(5000)}`), /nest deeper/)
  assert.throws(() => compilePattern('((a{1000}){1000}){1000}'), /too large/)
  // A matcher that backtracks would not end.
  assert.not(compilePattern('(a+)+b')('a'.repeat(5000)))
})

test('strings are joined, split and normalised', () => {
  const [joined] = apply('StringConcat', [new Tensor('string', ['a', 'b'], [2, 1]), text('x', 'y')])
  assert.equal(joined.data, ['ax', 'ay', 'bx', 'by'])
  assert.equal(joined.dims, [2, 2])
  const [parts, counts] = apply('StringSplit', [text('a,b,,c', '')], { delimiter: ',', maxsplit: 2 }, 2)
  assert.equal(parts.data, ['a', 'b', ',c', '', '', ''])
  assert.equal(counts.toNumbers(), [3, 1])
  const [words] = apply('StringSplit', [text('  two  words ', '')], {}, 2)
  assert.equal(words.data, ['two', 'words', '', ''])
  const normalise = (attributes: Attributes) =>
    apply('StringNormalizer', [text('Mon', 'tue', 'MON')], attributes)[0].data
  assert.equal(normalise({ stopwords: ['mon'], case_change_action: 'UPPER' }), ['TUE'])
  assert.equal(normalise({ stopwords: ['MON'], is_case_sensitive: 1 }), ['Mon', 'tue'])
  assert.equal(normalise({ stopwords: ['mon', 'tue'] }), [''])
})

test.run()
