/** What an option of a training is set to. */
export type Value = string | number | boolean

/** Options of a training by name, as in `learningRate`, and parameters of its model, as in `$units`. */
export type Settings = Readonly<Record<string, Value>>

/** An option that a configuration may set or search over, and what it takes. */
export type OptionRule =
  | { readonly kind: 'text' | 'flag' }
  /** Whatever a model's parameter takes: only making the model tells. */
  | { readonly kind: 'any' }
  /** A number in [low, high]; `whole`: integers only. */
  | { readonly kind: 'number'; readonly low: number; readonly high: number; readonly whole: boolean }

export type OptionRules = Readonly<Record<string, OptionRule>>

/** Whether a setting is a parameter of the model: a name behind a dollar sign. */
export const isParameterName = (name: string): boolean => /^\$[A-Za-z_]\w*$/.test(name)

/** What a setting takes. */
export const ruleOf = (rules: OptionRules, name: string): OptionRule =>
  isParameterName(name) ? { kind: 'any' } : rules[name]
