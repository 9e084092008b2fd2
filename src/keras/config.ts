import { LanewiseError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'

/** A plain JSON config with Keras's snake_case names. */
export type KerasConfig = Record<string, unknown>

/** Keras 3's serialised object. */
export interface KerasObject {
  readonly module?: string | null
  readonly class_name: string
  readonly config: KerasConfig
  readonly registered_name?: string | null
  readonly [extra: string]: unknown
}

export const isKerasObject = (value: unknown): value is KerasObject =>
  typeof value === 'object' && value !== null && typeof (value as KerasObject).class_name === 'string'

export const kerasObject = (module: string, className: string, config: KerasConfig): KerasObject => ({
  module,
  class_name: className,
  config,
  registered_name: null,
})

/** The package of Keras's operations; files of which nothing says the module within it have this. */
export const operationModule = 'keras.src.ops'

/** What of Keras's `ops` a file holds as a layer: `x + y`, `keras.ops.mean(x)` and the like in functional models. */
export const isOperation = ({ module }: KerasObject): boolean => /^keras(\.src)?\.ops(\.|$)/.test(module ?? '')

/** Keras's rule for default names: `MaxPooling2D` gives `max_pooling2d`, `meanSquaredError` gives `mean_squared_error`. */
export const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S

/** A name of a closed list, in snake_case or camelCase. */
export type Spelling<S extends string> = S | Camel<S>

/** A name: editors complete those of Keras in camelCase; other spellings and short forms are known, too. */
export type Named<S extends string> = Camel<S> | (string & Record<never, never>)

export const camelCase = (name: string): string =>
  name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** The keys of one level in camelCase; values are kept as they are. Throws INVALID_ARGUMENT for what is no object. */
export function camelKeys(config: KerasConfig): Record<string, unknown> {
  if (typeof config !== 'object' || config === null)
    throw invalid(`a config is an object, got ${JSON.stringify(config)}`)
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [camelCase(key), value]))
}

/** The keys of one level in snake_case; values are kept as they are. */
export const snakeKeys = (options: object): KerasConfig =>
  Object.fromEntries(Object.entries(options).map(([key, value]) => [snakeCase(key), value]))

interface Serializable {
  serialize(): KerasObject | undefined
}

/**
 * `make`, with an error for options that are no object, or have no part in the config of what it makes (INVALID_ARGUMENT).
 * A second argument, true, takes options of files, which may hold more.
 */
export const strict = <F extends (...given: never[]) => Serializable>(make: F): F =>
  ((options: object | undefined, ...more: unknown[]) => {
    const made = make(...([options, ...more] as never[]))
    if (options === undefined || typeof options === 'function' || more[0] === true) return made
    const { class_name: what, config } = made.serialize() ?? { class_name: 'a metric', config: { name: true } }
    const given = typeof options === 'object' && options !== null ? Object.entries(options) : undefined
    // What is absent, null or false may be left out of a config.
    const told = given && Object.fromEntries(given.filter(([, value]) => value !== false && (value ?? null) !== null))
    checkOptions(what, told ?? options, camelKeys(config))
    return made
  }) as unknown as F

/** The functions of a table, each `strict`. */
export const strictly = <T extends Readonly<Record<string, (...given: never[]) => Serializable>>>(table: T): T =>
  Object.fromEntries(Object.entries(table).map(([name, make]) => [name, strict(make)])) as T

/** Looks `name` up in `table` by its snake_case form. Throws INVALID_ARGUMENT listing what there is. */
export function lookUp<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  checkName(name, what)
  const key = snakeCase(name)
  if (Object.hasOwn(table, key)) return table[key]
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `unknown ${what} '${name}'; known: ${[...new Set(Object.keys(table))].join(', ')}`,
  )
}

/** Throws INVALID_ARGUMENT for what is no name. */
export function checkName(name: unknown, what: string): void {
  if (typeof name !== 'string')
    throw invalid(`${what}: expected a name, or an object of class_name and config, got ${JSON.stringify(name)}`)
}

export const invalid = (message: string): LanewiseError => new LanewiseError('INVALID_ARGUMENT', message)

/** A number, or one number for each of `rank` axes, as a list. Throws INVALID_ARGUMENT. */
export function tuple(value: number | readonly number[], rank: number, what: string): number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : Array.isArray(value) ? [...value] : []
  if (list.length !== rank || list.some((item) => !Number.isInteger(item) || item < 1))
    throw invalid(`${what} must be a positive integer or ${rank} of them, got ${JSON.stringify(value)}`)
  return list
}

/** `value` if it is a positive integer. Throws INVALID_ARGUMENT. */
export function positiveInteger(value: number, what: string): number {
  if (!Number.isInteger(value) || value < 1) throw invalid(`${what} must be a positive integer, got ${value}`)
  return value
}

/** The error of what is a function where Keras's form is asked for. */
export const noForm = (what: string): LanewiseError =>
  invalid(`a ${what} that is a function has no form to be saved in; give the model one by name`)

/** What layers and models of an ONNX file throw for their config: INVALID_ARGUMENT. */
export function notSerialisable(name: string): never {
  throw invalid(`layer '${name}' comes from an ONNX file and has no Keras config; save the model with toOnnx()`)
}
