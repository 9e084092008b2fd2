import { LanewiseError } from './errors.js'

/** Throws INVALID_ARGUMENT for options of `what` that are no object, or hold a name other than those of `known`. */
export function checkOptions(what: string, options: object, known: Readonly<Record<string, unknown>>): void {
  if (typeof options !== 'object' || options === null)
    throw new LanewiseError('INVALID_ARGUMENT', `${what} takes an object of options, got ${JSON.stringify(options)}`)
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name))
  if (unknown !== undefined)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `${what} has no option '${unknown}'; its options are ${Object.keys(known).join(', ')}`,
    )
}
