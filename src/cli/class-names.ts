import { LanewiseError } from '../core/errors.js'

/** Where `lanewise train` keeps the names of the classes in an exported model's metadata: a JSON list. */
const classesKey = 'lanewise.classes'

/** The metadata that says the names of the classes, where they are known. */
export const namesAsMetadata = (names: readonly string[] | undefined): Record<string, string> =>
  names ? { [classesKey]: JSON.stringify(names) } : {}

/** The names of the classes that a model's metadata says; undefined where there are none, or nothing that is a list of names. */
export function namesIn(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    const names: unknown = JSON.parse(metadata[classesKey] ?? 'null')
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined
  } catch {
    return undefined
  }
}

/** The value of `--class-names`, divided by commas. Throws INVALID_ARGUMENT for an empty name, or one that is there twice. */
export function parseClassNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name, i) => name !== '' && names.indexOf(name) === i)) return names
  throw new LanewiseError('INVALID_ARGUMENT', `--class-names ${text}: give each class once, divided by commas`)
}
