import { LanewiseError } from '../core/errors.js'

/** A value that a network is made with: how many units, which activation. */
export type Parameter = string | number | boolean
export type ModelParameters = Readonly<Record<string, Parameter>>

const invalid = (message: string): LanewiseError => new LanewiseError('INVALID_ARGUMENT', message)

const isParameter = (value: unknown): value is Parameter => ['string', 'number', 'boolean'].includes(typeof value)

function parseValue(text: string): Parameter {
  try {
    const value: unknown = JSON.parse(text)
    if (isParameter(value)) return value
  } catch {
    return text
  }
  return text
}

/** One `--set name=value` more: numbers, true, false and texts in quotes as JSON has them, else the text itself. Throws INVALID_ARGUMENT. */
export function addParameter(text: string, before: ModelParameters = {}): ModelParameters {
  const [, name, value] = /^([A-Za-z_]\w*)=(.+)$/s.exec(text) ?? []
  if (name === undefined) throw invalid(`--set ${text}: give name=value, as in --set units=64`)
  if (Object.hasOwn(before, name)) throw invalid(`--set ${name} is given twice`)
  return { ...before, [name]: parseValue(value) }
}

/** The arguments of a command line that sets a parameter. */
export const setArguments = (name: string, value: Parameter): string[] => ['--set', `${name}=${JSON.stringify(value)}`]

/** Throws INVALID_ARGUMENT for parameters that `model` does not have. */
export function refuseUnused(
  parameters: ModelParameters,
  isUsed: (name: string) => boolean,
  model: string,
  known?: Iterable<string>,
): void {
  const unused = Object.keys(parameters).find((name) => !isUsed(name))
  if (unused === undefined) return
  const names = [...(known ?? [])].map((name) => `$${name}`).join(', ')
  throw invalid(`${model} has no parameter $${unused}${known ? `; ${names ? `it has ${names}` : 'it has none'}` : ''}`)
}

/** How often a part may be repeated, and how many parts all repetitions together may make. */
const maxRepeats = 1000
const maxParts = 100_000

interface Repetition {
  readonly $repeat: unknown
  readonly layers: readonly unknown[]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isRepetition = (value: unknown): value is Repetition => isObject(value) && '$repeat' in value

/**
 * A model's JSON with its parameters filled in: the text `"$units"` anywhere becomes the value of `units`, and
 * `{ "$repeat": "$depth", "layers": […] }` in a list stands for those layers so many times. `"$parameters"` beside the
 * model's class_name has values of those that are not given. `"$$"` at the start of a text is one dollar sign. JSON without
 * parameters comes out as it is. Throws INVALID_ARGUMENT for parameters without a value and for those that are not there.
 */
export function fillParameters(json: unknown, given: ModelParameters, file: string): unknown {
  const { $parameters: defaults = {}, ...model } = isObject(json) ? json : { json }
  if (!isObject(defaults) || !Object.values(defaults).every(isParameter))
    throw invalid(`${file}: $parameters is an object of numbers, texts, true and false`)
  const values: ModelParameters = { ...(defaults as ModelParameters), ...given }
  const used = new Set<string>()
  let parts = 0

  const textOf = (text: string): Parameter => {
    if (text.startsWith('$$')) return text.slice(1)
    if (!/^\$[A-Za-z_]\w*$/.test(text)) return text
    const name = text.slice(1)
    used.add(name)
    if (!Object.hasOwn(values, name)) throw invalid(`${file}: ${text} has no value; give one, as in --set ${name}=…`)
    return values[name]
  }
  const repeated = ({ $repeat, layers, ...others }: Repetition): unknown[] => {
    const times = typeof $repeat === 'string' ? textOf($repeat) : $repeat
    const [other] = Object.keys(others)
    if (!Array.isArray(layers) || other !== undefined)
      throw invalid(
        `${file}: a repetition is { "$repeat": how often, "layers": [what] }${other ? `, without '${other}'` : ''}`,
      )
    if (typeof times !== 'number' || !Number.isInteger(times) || times < 0 || times > maxRepeats)
      throw invalid(`${file}: $repeat takes a whole number from 0 to ${maxRepeats}, got ${JSON.stringify(times)}`)
    // Of a part that is made no time, the parameters count as used all the same.
    if (times === 0) listOf(layers)
    return Array.from({ length: times }, () => listOf(layers)).flat()
  }
  const listOf = (items: readonly unknown[]): unknown[] =>
    items.flatMap((item) => {
      if (++parts > maxParts) throw invalid(`${file}: its repetitions make more than ${maxParts} parts`)
      return isRepetition(item) ? repeated(item) : [filled(item)]
    })
  const filled = (value: unknown): unknown => {
    if (typeof value === 'string') return textOf(value)
    if (Array.isArray(value)) return listOf(value)
    if (isRepetition(value)) throw invalid(`${file}: a repetition stands in a list, as of layers`)
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item)]))
  }

  const result = isObject(json) ? filled(model) : filled(json)
  refuseUnused(given, (name) => used.has(name), file, used)
  return result
}

/** `make` given the parameters. Throws INVALID_ARGUMENT for those that it did not look at. */
export async function withParameters<T>(
  make: (parameters: ModelParameters) => T | Promise<T>,
  parameters: ModelParameters,
  file: string,
): Promise<T> {
  const used = new Set<PropertyKey>()
  const watched = new Proxy(parameters, {
    get(target, key) {
      used.add(key)
      return Reflect.get(target, key)
    },
  })
  const made = await make(watched)
  refuseUnused(parameters, (name) => used.has(name), file)
  return made
}
