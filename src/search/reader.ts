import { LanewiseError } from '../core/errors.js'

/** A place in a JSON file, to read from. Whatever is not as asked throws INVALID_ARGUMENT, which names the place. */
export class Place {
  readonly #file: string
  readonly path: string
  readonly value: unknown

  constructor(file: string, value: unknown, path = '') {
    this.#file = file
    this.value = value
    this.path = path
  }

  fail(problem: string): never {
    throw new LanewiseError('INVALID_ARGUMENT', `${this.#file}: ${this.path ? `${this.path}: ` : ''}${problem}`)
  }

  /** Fails, saying what was found instead of `wanted`. */
  expected(wanted: string): never {
    return this.fail(`expected ${wanted}, got ${this.value === undefined ? 'nothing' : JSON.stringify(this.value)}`)
  }

  has(key: string): boolean {
    return Object.hasOwn(this.value as object, key)
  }

  at(key: string | number): Place {
    const path = typeof key === 'number' ? `${this.path}[${key}]` : this.path ? `${this.path}.${key}` : key
    const value = (this.value as Record<string | number, unknown>)[key]
    return new Place(this.#file, Object.hasOwn(this.value as object, key) ? value : undefined, path)
  }

  /** The entries of an object; with `keys`, of one that has no others but those that are known besides. */
  entries(keys?: readonly string[], isKnown: (key: string) => boolean = () => false): [string, Place][] {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.expected('an object')
    const names = Object.keys(this.value as object)
    const unknown = keys && names.find((name) => !keys.includes(name) && !isKnown(name))
    if (unknown !== undefined) this.fail(`'${unknown}' is not known here; there are: ${keys!.join(', ')}`)
    return names.map((name) => [name, this.at(name)])
  }

  items(least = 1): Place[] {
    if (!Array.isArray(this.value) || this.value.length < least)
      this.expected(`a list of at least ${least} ${least === 1 ? 'entry' : 'entries'}`)
    return (this.value as unknown[]).map((_, i) => this.at(i))
  }

  text(): string {
    if (typeof this.value !== 'string' || this.value === '') this.expected('a text')
    return this.value as string
  }

  /** A number, a text that is not empty, or true or false. */
  scalar(): number | string | boolean {
    const { value } = this
    if (typeof value === 'number' || typeof value === 'boolean') return value
    return typeof value === 'string' ? this.text() : this.expected('a number, a text, true or false')
  }

  flag(): boolean {
    if (typeof this.value !== 'boolean') this.expected('true or false')
    return this.value as boolean
  }

  oneOf<T extends string>(names: readonly T[]): T {
    if (!names.includes(this.value as T)) this.expected(`one of ${names.join(', ')}`)
    return this.value as T
  }

  /** A number in [low, high]. */
  number(low: number, high: number, whole: boolean): number {
    const value = this.value as number
    if (typeof value !== 'number' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
      this.expected(`${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`)
    return value
  }
}
