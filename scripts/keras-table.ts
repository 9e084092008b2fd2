import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as lanewise from '../src/index.js'
import { camelCase, snakeCase } from '../src/keras/config.js'
import { isReadable } from '../src/keras/json.js'
import { resolveMetric } from '../src/keras/metrics/index.js'
import { declaredOptions, fixedOptions, type Maker, type Probe, probe } from './keras-probe.js'
import { instead, remarks, samples } from './keras-remarks.js'

/** A line of keras-api.jsonl: a symbol that Keras exports. */
export interface KerasSymbol {
  readonly module: keyof typeof ours
  readonly name: string
  readonly aliases?: readonly string[]
  readonly function?: boolean
  /** Parameters without a default, and those with one. */
  readonly needs?: readonly string[]
  readonly defaults?: Readonly<Record<string, unknown>>
}

const rare: Readonly<Record<string, unknown>> = await lanewise.loadLayers()

const ours = {
  layers: { ...lanewise.layers, ...rare },
  activations: lanewise.activations,
  optimizers: lanewise.optimizers,
  schedules: lanewise.schedules,
  losses: lanewise.losses,
  metrics: lanewise.metrics,
  callbacks: lanewise.callbacks,
  initializers: lanewise.initializers,
  regularizers: lanewise.regularizers,
  constraints: lanewise.constraints,
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What everything of a kind takes, in Keras or in lanewise, and says nothing about one of them. */
const common = new Set([
  ...['name', 'dtype', 'trainable', 'autocast', 'activityRegularizer', 'inputShape', 'batchInputShape'],
  // Arguments of their own, not options.
  ...['yTrue', 'yPred', 'x', 'inputs', 'schedule'],
])

const folded = (name: string): string => name.replaceAll('_', '').toLowerCase()
const keyFor = (name: string): string => camelCase(snakeCase(name).replace(/([a-z]{2})(\d)/g, '$1_$2'))

/** One form for the many that a default has: an initializer by name or by object, a size for each axis or for all. */
const formOf = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'class_name' in value) return formOf(value.class_name)
  if (typeof value === 'string') return value === 'uniform' ? 'randomuniform' : folded(value)
  if (Array.isArray(value) && new Set(value.map(formOf)).size === 1) return formOf(value[0])
  return JSON.stringify(value ?? null)
}

/** Whether `here` is a range that stands for one number: up to it, or either way. */
const isRangeOf = (number: unknown, here: unknown): boolean =>
  typeof number === 'number' && Array.isArray(here) && here[1] === number && [0, -number].includes(here[0])

const sameDefault = (kerass: unknown, here: unknown): boolean =>
  kerass === null || kerass === '?' || formOf(kerass) === formOf(here) || isRangeOf(kerass, here)

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')

/** What is left out and set otherwise, from Keras's signature and the probe. */
function differences({ needs = [], defaults = {} }: KerasSymbol, { reads, config }: Probe): string[] {
  const parameters = [...needs, ...Object.keys(defaults)]
  const takes = new Set([...reads, ...Object.keys(config ?? {}).map(keyFor)])
  const without = parameters.map(keyFor).filter((name) => !common.has(name) && !takes.has(name))
  const otherwise = Object.entries(defaults)
    .filter(([name]) => config && name in config && !common.has(keyFor(name)))
    .filter(([name, value]) => !sameDefault(value, config![name]))
    .map(
      ([name, value]) => `\`${keyFor(name)}\` is ${JSON.stringify(config![name])}, in Keras ${JSON.stringify(value)}`,
    )
  return [...(without.length > 0 ? [`without ${code(without)}`] : []), ...otherwise]
}

export interface Row {
  readonly names: readonly string[]
  readonly here: string
  readonly differs: readonly string[]
}

/** The name of a symbol in lanewise; undefined if there is none. */
function find({ module, name, aliases = [] }: KerasSymbol): { text: string; value?: unknown } | undefined {
  const table: Readonly<Record<string, unknown>> = ours[module]
  const wanted = [name, ...aliases].map(folded)
  const key = Object.keys(table)
    .filter((own) => /^[a-z]/.test(own))
    .find((own) => wanted.includes(folded(own)))
  const isRare = module === 'layers' && key !== undefined && key in rare
  if (key !== undefined)
    return { text: isRare ? `\`${key}\` of \`loadLayers()\`` : `\`${module}.${key}\``, value: table[key] }
  if (name in table) return { text: `\`${module}.${name}\`` }
  const exported = Object.keys(lanewise).find((own) => own === name || (name === 'Input' && own === 'input'))
  if (exported !== undefined) return { text: `\`${exported}\`` }
  if (module !== 'metrics' || /^[A-Z]/.test(name)) return undefined
  try {
    resolveMetric(name)
    return { text: `the name \`'${name}'\`` }
  } catch {
    return undefined
  }
}

/** Values for what a symbol of Keras needs. */
const givenFor = ({ module, name, needs = [] }: KerasSymbol): Record<string, unknown> =>
  Object.fromEntries(needs.map(keyFor).map((key) => [key, samples[`${module}.${name}.${key}`] ?? samples[key]]))

/** The options of the loss that a metric of the same name is the mean of: it hands them on. */
function passedOn(symbol: KerasSymbol): Iterable<string> {
  const loss = symbol.module === 'metrics' && find({ ...symbol, module: 'losses' })?.value
  return loss ? probe('losses', loss as Maker, givenFor(symbol)).reads : []
}

/** The row of symbols that differ in their spelling only: a class and its function. */
export function rowOf(symbols: readonly KerasSymbol[]): Row {
  const [symbol] = symbols
  const names = symbols.flatMap(({ name, aliases = [] }) => [name, ...aliases])
  const key = `${symbol.module}.${symbol.name}`
  const found = find(symbol)
  const replaced = instead[key]
  if (!found) return { names, here: replaced?.here ?? '–', differs: replaced ? [replaced.why] : [] }
  const probed =
    typeof found.value === 'function' ? probe(symbol.module, found.value as Maker, givenFor(symbol)) : undefined
  const reads =
    probed && new Set([...probed.reads, ...declaredOptions(symbol.module, symbol.name), ...passedOn(symbol)])
  const unreadable = symbol.module === 'layers' && found.value && !isReadable(symbol.name)
  return {
    names,
    here: found.text,
    differs: [
      ...(probed && reads ? differences(symbol, { ...probed, reads }) : []),
      ...(probed && symbol.module === 'layers' ? fixedOptions(found.value as Maker, probed) : []),
      ...(unreadable ? ['not read from JSON'] : []),
      ...(remarks[key] ? [remarks[key]] : []),
    ],
  }
}

const utilities = new Set(['get', 'serialize', 'deserialize'])

/** Keras's symbols of a module, in the order of keras/api; those that lanewise has not come last. */
function section(module: string, symbols: readonly KerasSymbol[]): string[] {
  const groups = new Map<string, KerasSymbol[]>()
  for (const symbol of symbols) {
    const key = utilities.has(symbol.name) ? 'utilities' : folded(symbol.name)
    groups.set(key, [...(groups.get(key) ?? []), symbol])
  }
  const helpers = groups.get('utilities') ?? []
  groups.delete('utilities')
  // The class tells more than the function of the same name.
  const rows = [...groups.values()].map((group) =>
    rowOf([...group].sort((a, b) => Number(a.function ?? false) - Number(b.function ?? false))),
  )
  const have = rows.filter(({ here }) => here !== '–')
  const lack = rows.filter(({ here }) => here === '–')
  const line = ({ names, here, differs }: Row) =>
    `| ${code(names)} | ${here} | ${differs.join('; ').replaceAll('|', '\\|')} |`
  return [
    `## ${module[0].toUpperCase()}${module.slice(1)}`,
    '',
    `${have.length} of ${rows.length}.`,
    '',
    '| Keras | lanewise | what differs |',
    '|---|---|---|',
    ...have.map(line),
    ...(helpers.length > 0
      ? [
          `| ${code(helpers.map(({ name }) => name))} | names, objects, \`.serialize()\` | options take a name or Keras’s serialised form |`,
        ]
      : []),
    ...(lack.length > 0
      ? [
          '',
          `Not there: ${lack.map(({ names, differs }) => `${code(names)}${differs.length > 0 ? ` (${differs.join('; ')})` : ''}`).join(', ')}.`,
        ]
      : []),
    '',
  ]
}

/** The whole page. */
export function describeKeras(): string {
  const [head, ...lines] = readFileSync(join(resolve('scripts'), 'keras-api.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  const { version } = JSON.parse(head) as { version: string }
  const symbols = lines.map((line) => JSON.parse(line) as KerasSymbol)
  return [
    '# Keras beside lanewise',
    '',
    `Generated by \`npm run docs:keras\` from Keras ${version}’s public names and signatures (\`scripts/keras-api.jsonl\`) and from the tables of \`src/keras\`: what is there is looked up, and options are found by calling each function.`,
    '',
    'Classes become functions in camelCase with one options object: `keras.layers.Dense(10, use_bias=False)` is `layers.dense({ units: 10, useBias: false })`. Rarer layers are a chunk of their own: `const { randomHue } = await loadLayers()`; `loadKeras` loads them by itself, `modelFromJSON` knows them from then on. All computing is in float32: of dtype policies, `mixed_float16` and `mixed_bfloat16` are read and change nothing, others are refused; `autocast` is not taken, and what quantizes, shards or compiles for other frameworks is not there. Functional models in files may hold Keras’s operations between their layers (`x + y`, `keras.ops.mean`, slices: `operations.ts` and `rare-operations.ts` in `src/keras/layers` list them). An empty last column means the same options with the same defaults; “without” lists options of Keras that are not taken (a layer refuses them, the others pass over them).',
    '',
    ...Object.keys(ours).flatMap((module) =>
      section(
        module,
        symbols.filter((symbol) => symbol.module === module),
      ),
    ),
  ].join('\n')
}
