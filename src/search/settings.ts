/** What an option of a training is set to. */
export type Value = string | number | boolean

/** Options of a training by name, as in `learningRate`. */
export type Settings = Readonly<Record<string, Value>>

/** An option that a configuration may set or search over, and what it takes. */
export type OptionRule =
  | { readonly kind: 'text' | 'flag' }
  /** A number in [low, high]; `whole`: integers only. */
  | { readonly kind: 'number'; readonly low: number; readonly high: number; readonly whole: boolean }

export type OptionRules = Readonly<Record<string, OptionRule>>
