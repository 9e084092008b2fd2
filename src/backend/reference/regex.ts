import { LanewiseError } from '../../core/errors.js'

/** Whether a code point, given as text too, belongs to a class. */
type Test = (code: number, text: string) => boolean

/** A state of the automaton: it reads a character, branches, asks for a place, or accepts. */
type State =
  | { kind: 'read'; test: Test; next: number }
  | { kind: 'branch'; next: number[] }
  | { kind: 'assert'; holds: (before: string, after: string) => boolean; next: number }
  | { kind: 'accept' }

interface Flags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
}

/** A part of a pattern, before it becomes states: `build` writes the states that lead to `next` and returns the first. */
type Part = (states: State[], next: number) => number

const maxStates = 20000
const maxRepeat = 1000
const maxDepth = 200

/**
 * A predicate that tells whether the whole of a text matches an RE2 pattern. It follows all alternatives side by side:
 * the time is bounded by the length of the text times that of the pattern, whatever they are. Throws INVALID_MODEL.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const part = new Parser(pattern).parse()
  const states: State[] = [{ kind: 'accept' }]
  const start = part(states, 0)
  return (text) => run(states, start, [...text])
}

function run(states: readonly State[], start: number, characters: readonly string[]): boolean {
  let current = new Set([start])
  for (let at = 0; at <= characters.length; at++) {
    const [before, after] = [characters[at - 1] ?? '', characters[at] ?? '']
    const reading: { test: Test; next: number }[] = []
    let accepts = false
    for (const index of current) {
      const state = states[index]
      if (state.kind === 'read') reading.push(state)
      else if (state.kind === 'accept') accepts = true
      else if (state.kind === 'branch') for (const next of state.next) current.add(next)
      else if (state.holds(before, after)) current.add(state.next)
    }
    if (at === characters.length) return accepts
    const code = after.codePointAt(0)!
    current = new Set(reading.filter(({ test }) => test(code, after)).map(({ next }) => next))
    if (current.size === 0) return false
  }
  return false
}

function add(states: State[], state: State): number {
  if (states.length >= maxStates)
    throw new LanewiseError('INVALID_MODEL', `the pattern is too large: more than ${maxStates} states`)
  return states.push(state) - 1
}

const isWord: Test = (_, text) => /^\w$/.test(text)
const perlClasses: Readonly<Record<string, Test>> = {
  d: (code) => code >= 48 && code <= 57,
  s: (_, text) => /^[\t\n\f\r ]$/.test(text),
  w: isWord,
}
/** POSIX classes as pairs of their first and last characters. */
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  ascii: '\x00\x7f',
  blank: '\t\t  ',
  cntrl: '\x00\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '\t\r  ',
  upper: 'AZ',
  word: '09AZaz__',
  xdigit: '09AFaf',
}

const between =
  (first: number, last: number): Test =>
  (code) =>
    code >= first && code <= last

const withinPairs = (pairs: string): Test =>
  either(
    Array.from({ length: pairs.length / 2 }, (_, i) => between(pairs.charCodeAt(2 * i), pairs.charCodeAt(2 * i + 1))),
  )

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }

const either =
  (tests: readonly Test[]): Test =>
  (code, text) =>
    tests.some((test) => test(code, text))

const not =
  (test: Test): Test =>
  (code, text) =>
    !test(code, text)

const single =
  (code: number): Test =>
  (other) =>
    other === code

/** `test` on a character or its other case. */
const caseless =
  (test: Test): Test =>
  (_, text) =>
    [text, text.toLowerCase(), text.toUpperCase()].some((form) => test(form.codePointAt(0)!, form))

const sequence =
  (parts: readonly Part[]): Part =>
  (states, next) =>
    parts.reduceRight((after, part) => part(states, after), next)

const alternatives =
  (parts: readonly Part[]): Part =>
  (states, next) =>
    parts.length === 1
      ? parts[0](states, next)
      : add(states, { kind: 'branch', next: parts.map((part) => part(states, next)) })

const read =
  (test: Test): Part =>
  (states, next) =>
    add(states, { kind: 'read', test, next })

const assertion =
  (holds: (before: string, after: string) => boolean): Part =>
  (states, next) =>
    add(states, { kind: 'assert', holds, next })

const anyNumber =
  (part: Part): Part =>
  (states, next) => {
    const branch: State = { kind: 'branch', next: [next] }
    const index = add(states, branch)
    branch.next.push(part(states, index))
    return index
  }

const optional =
  (part: Part): Part =>
  (states, next) =>
    add(states, { kind: 'branch', next: [next, part(states, next)] })

function repeated(part: Part, min: number, max: number): Part {
  const required = new Array<Part>(min).fill(part)
  if (max === Number.POSITIVE_INFINITY) return sequence([...required, anyNumber(part)])
  let rest: Part | undefined
  for (let i = min; i < max; i++) rest = optional(rest ? sequence([part, rest]) : part)
  return sequence(rest ? [...required, rest] : required)
}

class Parser {
  readonly #characters: readonly string[]
  #at = 0
  #depth = 0
  #flags: Flags = { ignoreCase: false, multiline: false, dotAll: false }

  constructor(pattern: string) {
    this.#characters = [...pattern]
  }

  parse(): Part {
    const part = this.#alternation()
    if (this.#at < this.#characters.length) this.#fail(`unexpected '${this.#peek()}'`)
    return part
  }

  #fail(why: string): never {
    throw new LanewiseError('INVALID_MODEL', `the pattern '${this.#characters.join('')}' is not RE2's: ${why}`)
  }

  #peek = (): string => this.#characters[this.#at] ?? ''

  #next(): string {
    if (this.#at >= this.#characters.length) this.#fail('it ends too early')
    return this.#characters[this.#at++]
  }

  /** Reads `text` if it comes next. */
  #take(text: string): boolean {
    if (this.#characters.slice(this.#at, this.#at + text.length).join('') !== text) return false
    this.#at += text.length
    return true
  }

  /** What comes before `end`, which is read too. */
  #until(end: string): string {
    let text = ''
    while (!this.#take(end)) text += this.#next()
    return text
  }

  #alternation(): Part {
    if (++this.#depth > maxDepth) this.#fail(`groups nest deeper than ${maxDepth}`)
    const outer = this.#flags
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    this.#flags = outer
    this.#depth--
    return alternatives(parts)
  }

  #sequence(): Part {
    const parts: Part[] = []
    while (this.#at < this.#characters.length && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) {
        const quoted = [...this.#quoted()].map((character) => this.#literal(single(character.codePointAt(0)!)))
        const last = quoted.pop()
        if (last) parts.push(...quoted, this.#repetition(last))
      } else parts.push(this.#repetition(this.#atom()))
    }
    return sequence(parts)
  }

  /** The text up to \\E, or to the end. */
  #quoted(): string {
    let text = ''
    while (this.#at < this.#characters.length && !this.#take('\\E')) text += this.#next()
    return text
  }

  #repetition(part: Part): Part {
    const range = this.#range()
    if (!range) return part
    this.#take('?')
    if (this.#range()) this.#fail('a repetition is repeated')
    const [min, max] = range
    if (min > maxRepeat || (max !== Number.POSITIVE_INFINITY && (max > maxRepeat || max < min)))
      this.#fail(`a repetition of ${min} to ${max}; at most ${maxRepeat} are allowed`)
    return repeated(part, min, max)
  }

  #range(): [number, number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(this.#characters.slice(this.#at, this.#at + 16).join(''))
    if (!counted) return undefined
    this.#at += counted[0].length
    const min = Number(counted[1])
    return [min, counted[2] === undefined ? min : counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3])]
  }

  #atom(): Part {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return this.#literal(this.#class())
      case '.': {
        const { dotAll } = this.#flags
        return read((code) => dotAll || code !== 10)
      }
      case '^':
        return assertion(
          this.#flags.multiline ? (before) => before === '' || before === '\n' : (before) => before === '',
        )
      case '$':
        return assertion(
          this.#flags.multiline ? (_, after) => after === '' || after === '\n' : (_, after) => after === '',
        )
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        return this.#fail(`nothing comes before '${character}'`)
      default:
        return this.#literal(single(character.codePointAt(0)!))
    }
  }

  #literal(test: Test): Part {
    return read(this.#flags.ignoreCase ? caseless(test) : test)
  }

  #group(): Part {
    if (this.#take('?')) {
      if (
        this.#take('P<') ||
        (this.#peek() === '<' && !/[=!]/.test(this.#characters[this.#at + 1] ?? '') && this.#take('<'))
      )
        this.#until('>')
      else {
        const outer = this.#flags
        const flags = this.#readFlags()
        if (this.#take(')')) {
          this.#flags = flags
          return sequence([])
        }
        if (!this.#take(':')) this.#fail(`'(?${this.#peek()}' is no group`)
        this.#flags = flags
        const part = this.#close()
        this.#flags = outer
        return part
      }
    }
    return this.#close()
  }

  #close(): Part {
    const part = this.#alternation()
    if (!this.#take(')')) this.#fail('a group is not closed')
    return part
  }

  #readFlags(): Flags {
    let flags = this.#flags
    let on = true
    for (;;) {
      if (this.#take('-')) on = false
      else if (this.#take('i')) flags = { ...flags, ignoreCase: on }
      else if (this.#take('m')) flags = { ...flags, multiline: on }
      else if (this.#take('s')) flags = { ...flags, dotAll: on }
      else if (!this.#take('U')) return flags
    }
  }

  #escape(): Part {
    if (this.#take('A')) return assertion((before) => before === '')
    if (this.#take('z')) return assertion((_, after) => after === '')
    const inside = (before: string, after: string) => isWord(0, before) !== isWord(0, after)
    if (this.#take('b')) return assertion(inside)
    if (this.#take('B')) return assertion((before, after) => !inside(before, after))
    const set = this.#escapedClass()
    return this.#literal(set ?? single(this.#escapedCode()))
  }

  /** The class that follows a backslash, if one does. */
  #escapedClass(): Test | undefined {
    const letter = this.#peek()
    const perl = perlClasses[letter.toLowerCase()]
    if (perl) {
      this.#next()
      return letter === letter.toLowerCase() ? perl : not(perl)
    }
    if (letter !== 'p' && letter !== 'P') return undefined
    this.#next()
    const braced = this.#take('{') ? this.#until('}') : this.#next()
    const name = braced.replace(/^\^/, '')
    const property = this.#property(name)
    return (letter === 'P') !== braced.startsWith('^') ? not(property) : property
  }

  #property(name: string): Test {
    if (!/^\w+$/.test(name)) this.#fail(`'${name}' is no Unicode property`)
    for (const form of [name, `Script=${name}`])
      try {
        const test = new RegExp(`^\\p{${form}}$`, 'u')
        return (_, text) => test.test(text)
      } catch {
        // Not a general category: it may be a script.
      }
    return this.#fail(`'${name}' is no Unicode property`)
  }

  /** The code point that follows a backslash. */
  #escapedCode(): number {
    const character = this.#next()
    if (Object.hasOwn(controls, character)) return controls[character]
    if (character === 'x') {
      const digits = this.#take('{') ? this.#until('}') : this.#next() + this.#next()
      const code = Number.parseInt(digits, 16)
      if (!/^[0-9A-Fa-f]+$/.test(digits) || code > 0x10ffff) this.#fail(`'\\x${digits}' is no character`)
      return code
    }
    if (/[0-7]/.test(character)) {
      let digits = character
      if (character !== '0' && !/[0-7]/.test(this.#peek())) this.#fail(`'\\${character}' refers to a group`)
      while (digits.length < 3 && /[0-7]/.test(this.#peek())) digits += this.#next()
      return Number.parseInt(digits, 8)
    }
    if (/[A-Za-z0-9]/.test(character)) this.#fail(`'\\${character}' is no escape`)
    return character.codePointAt(0)!
  }

  #class(): Test {
    const negated = this.#take('^')
    const tests: Test[] = []
    for (let first = true; first || this.#peek() !== ']'; first = false) tests.push(this.#classItem())
    this.#next()
    const all = either(tests)
    if (!negated) return all
    return this.#flags.ignoreCase ? not(caseless(all)) : not(all)
  }

  #classItem(): Test {
    if (this.#take('[:')) {
      const name = this.#until(':]')
      const pairs = posixClasses[name.replace(/^\^/, '')]
      if (!pairs) this.#fail(`'[:${name}:]' is no class`)
      const test = withinPairs(pairs)
      return name.startsWith('^') ? not(test) : test
    }
    const start = this.#classCharacter()
    if (typeof start !== 'number') return start
    if (this.#peek() !== '-' || this.#characters[this.#at + 1] === ']') return single(start)
    this.#next()
    const end = this.#classCharacter()
    if (typeof end !== 'number' || end < start) return this.#fail('a range of characters is out of order')
    return between(start, end)
  }

  #classCharacter(): number | Test {
    const character = this.#next()
    if (character !== '\\') return character.codePointAt(0)!
    return this.#escapedClass() ?? this.#escapedCode()
  }
}
