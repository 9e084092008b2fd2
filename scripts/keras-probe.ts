import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { samples } from './keras-remarks.js'

/** A function of lanewise that takes options: a factory, or an activation. */
export type Maker = (...values: never[]) => unknown

/** What a function does with options, found by calling it. */
export interface Probe {
  /** The options that it looks at, in camelCase. */
  readonly reads: ReadonlySet<string>
  /** Keras's config of what it makes; undefined for what has none. */
  readonly config: Readonly<Record<string, unknown>> | undefined
  /** The options with which it could be called. */
  readonly given: Readonly<Record<string, unknown>>
}

/** Calls a function of a table with options that note who looks at them. */
export function probe(module: string, make: Maker, given: Readonly<Record<string, unknown>>): Probe {
  const reads = new Set<string>()
  const options = new Proxy(given, {
    get(target, key) {
      if (typeof key === 'string') reads.add(key)
      return Reflect.get(target, key)
    },
  })
  try {
    const values = module === 'activations' ? [anything, anything, options] : [options, options]
    const made = make(...(values as never[])) as { serialize?: () => { config: Record<string, unknown> } | undefined }
    return { reads, config: made?.serialize?.()?.config, given }
  } catch (error) {
    const [, needed] = /needs the option '(\w+)'/.exec(String(error)) ?? []
    if (needed && !(needed in given) && needed in samples)
      return probe(module, make, { ...given, [needed]: samples[needed] })
    return { reads, config: undefined, given }
  }
}

/** Stands in for values and for emitters; whatever is asked of it gives itself. */
const anything: unknown = new Proxy(() => 1, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => 1 : key === Symbol.iterator ? undefined : anything),
  apply: () => anything,
})

/** The options of a layer that have one value only, and that value, from how it refuses another. */
export function fixedOptions(make: Maker, { reads, given }: Probe): string[] {
  return [...reads].flatMap((option) => {
    try {
      make({ ...given, [option]: '?' } as never)
    } catch (error) {
      const [, value] = new RegExp(`: ${option} must be (.*) here, got`).exec(String(error)) ?? []
      if (value) return [`\`${option}\` is always ${value}`]
    }
    return []
  })
}

/** The interfaces of the callbacks' options, by name: their own members and what they extend. Callbacks look at them late. */
function readInterfaces(folder: string): Map<string, { members: string[]; bases: string[] }> {
  const found = new Map<string, { members: string[]; bases: string[] }>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const source = readFileSync(join(folder, file), 'utf8')
    for (const [, name, bases = '', body] of source.matchAll(/interface (\w+)(?: extends ([\w, ]+))? \{\n(.*?)\n\}/gs))
      found.set(name, {
        members: [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member]) => member),
        bases: bases.split(', ').filter(Boolean),
      })
  }
  return found
}

let interfaces: ReturnType<typeof readInterfaces> | undefined

/** The options that a callback declares; none for other modules. */
export function declaredOptions(module: string, name: string): string[] {
  if (module !== 'callbacks') return []
  interfaces ??= readInterfaces(resolve('src/keras/callbacks'))
  const membersOf = (key: string): string[] => {
    const { members = [], bases = [] } = interfaces!.get(key) ?? {}
    return [...members, ...bases.flatMap(membersOf)]
  }
  return membersOf(`${name}Options`)
}
