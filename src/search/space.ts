import { LanewiseError } from '../core/errors.js'
import type { RandomGenerator } from '../core/random.js'
import type { Place } from './reader.js'
import type { OptionRule, Settings, Value } from './settings.js'

/** How the values of an option lie: apart, or along a line that is even in x or in log x. */
export type Axis = 'category' | 'linear' | 'log'

/** The values that a search may give one option. */
export interface Parameter {
  readonly axis: Axis
  /** How many values there are; Infinity for a range of real numbers. */
  readonly size: number
  draw(random: RandomGenerator): Value
  /** The values that a grid takes; undefined for a range without `points`. */
  readonly points: readonly Value[] | undefined
}

/** The options that a search varies. */
export type Space = Readonly<Record<string, Parameter>>

/** Real numbers are kept to four significant digits, within the range, so that people can read and type them. */
const rounded = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, Number(value.toPrecision(4))))

const evenly = (count: number | undefined, value: (share: number) => number): number[] | undefined =>
  count === undefined ? undefined : Array.from({ length: count }, (_, i) => value(count === 1 ? 0 : i / (count - 1)))

type Range = (low: number, high: number, points: number | undefined) => Parameter

const ranges: Record<'uniform' | 'logUniform' | 'integer', Range> = {
  uniform(low, high, points) {
    const at = (share: number) => rounded(low + share * (high - low), low, high)
    return {
      axis: 'linear',
      size: Number.POSITIVE_INFINITY,
      draw: (random) => at(random.uniform()),
      points: evenly(points, at),
    }
  },
  logUniform(low, high, points) {
    const at = (share: number) => rounded(low * (high / low) ** share, low, high)
    return {
      axis: 'log',
      size: Number.POSITIVE_INFINITY,
      draw: (random) => at(random.uniform()),
      points: evenly(points, at),
    }
  },
  integer(low, high, points) {
    const size = high - low + 1
    const grid = evenly(points ?? Math.min(size, 1000), (share) => Math.round(low + share * (high - low)))
    return {
      axis: 'linear',
      size,
      draw: (random) => low + random.integer(size),
      points: [...new Set(grid)],
    }
  },
}

const choice = (values: readonly Value[]): Parameter => ({
  axis: 'category',
  size: values.length,
  draw: (random) => values[random.integer(values.length)],
  points: values,
})

/** One value of an option. Throws INVALID_ARGUMENT for what the option does not take. */
export function readValue(place: Place, rule: OptionRule): Value {
  if (rule.kind === 'number') return place.number(rule.low, rule.high, rule.whole)
  if (rule.kind === 'any') return place.scalar()
  return rule.kind === 'flag' ? place.flag() : place.text()
}

const anyNumber = { low: -1e9, high: 1e9, whole: false }

/**
 * The values to search for one option: a list of choices, or `{ "uniform": [low, high] }`, `{ "logUniform": [low, high] }`,
 * `{ "integer": [low, high] }`, each with `"points"` for a grid. Throws INVALID_ARGUMENT.
 */
export function readParameter(place: Place, rule: OptionRule): Parameter {
  if (Array.isArray(place.value)) {
    const values = place.items().map((item) => readValue(item, rule))
    if (new Set(values).size < values.length) place.fail('the choices repeat')
    return choice(values)
  }
  const names = Object.keys(ranges) as (keyof typeof ranges)[]
  const entries = place.entries([...names, 'points'])
  const kinds = entries.map(([name]) => name).filter((name) => name !== 'points') as (keyof typeof ranges)[]
  if (kinds.length !== 1) place.expected(`a list of choices or one of ${names.join(', ')}`)
  const kind = kinds[0]
  const range: Place = place.at(kind)
  const limits =
    rule.kind === 'number'
      ? rule
      : rule.kind === 'any'
        ? anyNumber
        : range.fail('this option takes no numbers: give a list of choices')
  if (limits.whole && kind !== 'integer')
    range.fail('this option takes whole numbers: use "integer" or a list of choices')
  if (range.items(2).length !== 2) range.expected('two numbers, [low, high]')
  const [low, high] = range.items(2).map((item) => item.number(limits.low, limits.high, kind === 'integer'))
  if (low >= high) range.fail(`the lower end ${low} is not below the upper end ${high}`)
  if (kind === 'logUniform' && low <= 0) range.at(0).fail('a logarithmic range begins above 0')
  return ranges[kind](low, high, place.has('points') ? place.at('points').number(2, 1000, true) : undefined)
}

/** How many settings a space holds. */
export const sizeOfSpace = (space: Space): number =>
  Object.values(space).reduce((product, { size }) => product * size, 1)

/** Every combination of the grid's points; the last option varies fastest. */
export function gridOf(space: Space): Settings[] {
  let settings: Settings[] = [{}]
  for (const [name, { points }] of Object.entries(space))
    settings = settings.flatMap((before) => points!.map((value) => ({ ...before, [name]: value })))
  return settings
}

/** Draws `count` settings, all different. The first n are the same for any count. Throws INVALID_ARGUMENT if there are too few. */
export function drawFrom(space: Space, count: number, random: RandomGenerator): Settings[] {
  const drawn = new Map<string, Settings>()
  for (let draws = 0; drawn.size < count; draws++) {
    if (sizeOfSpace(space) < count || draws > 1000 * count)
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `the space has fewer than ${count} different settings: ask for fewer trials, or search it as a grid`,
      )
    const settings = Object.fromEntries(Object.entries(space).map(([name, { draw }]) => [name, draw(random)]))
    const key = JSON.stringify(settings)
    if (!drawn.has(key)) drawn.set(key, settings)
  }
  return [...drawn.values()]
}
