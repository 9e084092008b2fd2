import { LanewiseError } from './errors.js'

/** A module that comes by need was asked for before it came; `load` brings it. */
export class NotLoaded extends LanewiseError {
  constructor(
    message: string,
    readonly load: () => Promise<unknown>,
  ) {
    super('INVALID_ARGUMENT', message)
  }
}

/** A module that comes by need: called, it gives the module, or throws NotLoaded until `load` has brought it. */
export interface Later<T> {
  (): T
  load(): Promise<T>
}

/** `why` says what the module is needed for, and how it comes. */
export function later<T>(why: string, load: () => Promise<T>): Later<T> {
  let there: T | undefined
  const bring = async () => {
    there = await load()
    return there
  }
  const get = () => {
    if (there === undefined) throw new NotLoaded(why, bring)
    return there
  }
  return Object.assign(get, { load: bring })
}
