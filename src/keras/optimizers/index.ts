import { camelKeys, isKerasObject, type KerasObject, lookUp } from '../config.js'
import { Optimizer } from './optimizer.js'
import * as rules from './rules.js'

export { Optimizer, type OptimizerOptions } from './optimizer.js'

/** Optimizers by their names in camelCase. */
export const optimizers = { ...rules } as const

const table: Readonly<Record<string, (options: never, lenient: true) => Optimizer>> = Object.fromEntries(
  Object.entries(optimizers).map(([name, create]) => [name.toLowerCase(), create]),
)

/** A name, an Optimizer, or Keras's serialised form. */
export type OptimizerLike = string | Optimizer | KerasObject

/** Resolves a name or a serialised optimizer. Throws INVALID_ARGUMENT. */
export function resolveOptimizer(like: OptimizerLike): Optimizer {
  if (like instanceof Optimizer) return like
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  return lookUp(table, name.toLowerCase(), 'optimizer')(camelKeys(config) as never, true)
}
