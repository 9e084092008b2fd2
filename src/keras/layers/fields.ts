import { type ActivationFunction, type ActivationLike, activationName, resolveActivation } from '../activations.js'
import { invalid, type KerasConfig, type KerasObject, type Spelling, snakeCase, tuple } from '../config.js'
import { type Constraint, type ConstraintLike, resolveConstraint } from '../constraints.js'
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js'
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js'

/** One option of a layer: what it takes, what it is when left out, and how Keras writes it. */
export interface Field<Input, Output, Needed extends boolean = false> {
  readonly needed: Needed
  readonly fallback?: Input
  /** The option checked and resolved; `rank` is the layer's number of spatial axes. Throws INVALID_ARGUMENT. */
  read(value: Input, what: string, rank: number): Output
  /** The value in a Keras config; undefined for options that Keras reads but does not write. */
  write(value: Output): unknown
}

// biome-ignore lint/suspicious/noExplicitAny: a table of fields of any types
export type Fields = Readonly<Record<string, Field<any, any, boolean>>>

type InputOf<F> = F extends Field<infer Input, infer _, infer __> ? Input : never
type NeededKeys<F> = { [K in keyof F]: F[K] extends { readonly needed: true } ? K : never }[keyof F]

/** The options that a table of fields describes. */
export type OptionsOf<F> = { readonly [K in NeededKeys<F>]: InputOf<F[K]> } & {
  readonly [K in Exclude<keyof F, NeededKeys<F>>]?: InputOf<F[K]>
}

/** What the options are once read. */
export type ValuesOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer _, infer Out, infer __> ? Out : never }

const same = <T>(value: T): T => value

const checked = <T>(test: (value: T) => boolean, wanted: string) => ({
  read(value: T, what: string): T {
    if (!test(value)) throw invalid(`${what} must be ${wanted}, got ${JSON.stringify(value)}`)
    return value
  },
  write: same as (value: T) => unknown,
})

const isNumber = (value: unknown) => typeof value === 'number' && !Number.isNaN(value)
const isPositive = (value: unknown) => Number.isInteger(value) && (value as number) > 0

/** An option without checks. */
export const any = <T>(fallback: T): Field<T, T> => ({ needed: false, fallback, read: same, write: same })
export const neededAny = <T>(): Field<T, T, true> => ({ needed: true, read: same, write: same })
export const flag = (fallback: boolean): Field<boolean, boolean> => ({
  needed: false,
  fallback,
  ...checked((value) => typeof value === 'boolean', 'true or false'),
})
export const number = (fallback: number): Field<number, number> => ({
  needed: false,
  fallback,
  ...checked<number>(isNumber, 'a number'),
})
export const neededNumber: Field<number, number, true> = { ...number(0), needed: true }
export const maybe = <T>(field: Field<T, T, boolean>, fallback: T | null = null): Field<T | null, T | null> => ({
  needed: false,
  fallback,
  read: (value, what, rank) => (value === null ? null : field.read(value, what, rank)),
  write: same,
})
const isInteger = (value: unknown): boolean => Number.isInteger(value)
/** An axis, which may count from the end. */
export const axis = (fallback: number): Field<number, number> => ({
  needed: false,
  fallback,
  ...checked<number>(isInteger, 'an integer'),
})
type Axes = number | readonly number[]
/** An axis, or several. */
export const axes = (fallback: number): Field<Axes, Axes> => ({
  needed: false,
  fallback,
  ...checked<Axes>(
    (value) => (Array.isArray(value) ? value.every(isInteger) : isInteger(value)),
    'an integer or a list of integers',
  ),
})
export const neededIntegers: Field<readonly number[], readonly number[], true> = {
  needed: true,
  ...checked<readonly number[]>((value) => Array.isArray(value) && value.every(isInteger), 'a list of integers'),
}
export const neededAxes: Field<Axes, Axes, true> = { ...axes(-1), needed: true }
/** A positive integer. */
export const count = (fallback: number): Field<number, number> => ({
  needed: false,
  fallback,
  ...checked<number>(isPositive, 'a positive integer'),
})
export const neededCount: Field<number, number, true> = {
  needed: true,
  ...checked<number>(isPositive, 'a positive integer'),
}
/** A share in [0, 1). */
export const share = {
  ...checked<number>((value) => isNumber(value) && value >= 0 && value < 1, 'in [0, 1)'),
  needed: false as const,
  fallback: 0,
} satisfies Field<number, number>
export const neededShare: Field<number, number, true> = { ...share, needed: true }
export const seed: Field<number | null, number | null> = any<number | null>(null)

/** One of some names, in any spelling of snake_case and camelCase. */
export const choice = <T extends string>(names: readonly T[], fallback: T): Field<Spelling<T>, T> => ({
  needed: false,
  fallback,
  read: (value, what) => {
    const name = names.find((name) => snakeCase(name) === snakeCase(String(value)))
    if (name === undefined) throw invalid(`${what} must be one of ${names.join(', ')}, got '${value}'`)
    return name
  },
  write: same,
})

/** A number, or one for each spatial axis; `fallback` undefined: needed. */
export const sizes = (fallback: number): Field<number | readonly number[], readonly number[]> => ({
  needed: false,
  fallback,
  read: (value, what, rank) => tuple(value, rank, what),
  write: same,
})
export const neededSizes: Field<number | readonly number[], readonly number[], true> = { ...sizes(1), needed: true }

/** An option that lanewise has at one value only. */
export const only = <T>(fallback: T): Field<T, T> => ({
  needed: false,
  fallback,
  ...checked((value: T) => JSON.stringify(value) === JSON.stringify(fallback), `${JSON.stringify(fallback)} here`),
})

/** What Keras reads without writing it. */
export const unwritten = <T>(fallback: T): Field<T, T> => notWritten(any(fallback))

/** A field that configs leave out, as Keras does. */
export const notWritten = <Input, Output>(field: Field<Input, Output>): Field<Input, Output> => ({
  ...field,
  write: () => undefined,
})

/** An option that lanewise has not: null where a config or a caller names it. */
export const absent: Field<null, null> = notWritten(only(null))

const serialized = (value: { serialize(): KerasObject } | undefined) => value?.serialize() ?? null

export const initializer = (fallback: string): Field<InitializerLike, Initializer> => ({
  needed: false,
  fallback,
  read: (value) => resolveInitializer(value ?? fallback),
  write: serialized,
})
export const regularizer: Field<RegularizerLike | null, Regularizer | undefined> = {
  needed: false,
  fallback: null,
  read: resolveRegularizer,
  write: serialized,
}
export const constraint: Field<ConstraintLike | null, Constraint | undefined> = {
  needed: false,
  fallback: null,
  read: resolveConstraint,
  write: serialized,
}

/** An activation with the name that Keras writes. */
export interface NamedActivation {
  readonly name: string
  readonly function: ActivationFunction
}

const readActivation = (value: ActivationLike): NamedActivation => ({
  name: activationName(value),
  function: resolveActivation(value),
})
export const activation = (fallback: string): Field<ActivationLike, NamedActivation> => ({
  needed: false,
  fallback,
  read: readActivation,
  write: ({ name }) => name,
})
export const neededActivation: Field<ActivationLike, NamedActivation, true> = { ...activation('linear'), needed: true }

/** How a weight starts, its penalty and its constraint, by the options that begin with `role`. */
export const weightOptions = (options: Readonly<Record<string, unknown>>, role: string) => ({
  initializer: options[`${role}Initializer`] as Initializer,
  regularizer: options[`${role}Regularizer`] as Regularizer | undefined,
  constraint: options[`${role}Constraint`] as Constraint | undefined,
})

/** The channels' place. */
export const dataFormat: Field<Spelling<'channels_last' | 'channels_first'>, boolean> = {
  needed: false,
  fallback: 'channels_last',
  read: (value, what) =>
    choice(['channels_last', 'channels_first'], 'channels_last').read(value, what, 0) === 'channels_last',
  write: (last) => (last ? 'channels_last' : 'channels_first'),
}

/** The values of `options` by `fields`; what is null where null says nothing counts as left out. Throws INVALID_ARGUMENT. */
export function readFields(
  fields: Fields,
  options: Readonly<Record<string, unknown>>,
  className: string,
  common: readonly string[],
  rank: number,
): Record<string, unknown> {
  if (typeof options !== 'object' || options === null)
    throw invalid(`${className} takes an object of options, got ${JSON.stringify(options)}`)
  for (const key of Object.keys(options))
    if (!Object.hasOwn(fields, key) && !common.includes(key))
      throw invalid(`${className} has no option '${key}'; known: ${[...Object.keys(fields), ...common].join(', ')}`)
  return Object.fromEntries(
    Object.entries(fields).map(([key, field]) => {
      const given = options[key]
      const absent = given === undefined || (given === null && field.fallback !== null && !field.needed)
      if (absent && field.needed) throw invalid(`${className} needs the option '${key}'`)
      return [key, field.read(absent ? field.fallback : given, `${className}: ${key}`, rank)]
    }),
  )
}

/** The options in Keras's names and Keras's form. */
export const writeFields = (fields: Fields, values: Readonly<Record<string, unknown>>): KerasConfig =>
  Object.fromEntries(
    Object.entries(fields)
      .map(([key, field]) => [snakeCase(key), field.write(values[key])] as const)
      .filter(([, value]) => value !== undefined),
  )
