import { camelKeys, isKerasObject, type KerasConfig, type KerasObject, lookUp, type Named } from '../config.js'
import { muon } from './muon.js'
import { Optimizer } from './optimizer.js'
import * as rules from './rules.js'
import { scheduleFreeAdamW } from './schedule-free.js'

export { Optimizer, type OptimizerOptions } from './optimizer.js'

/** Optimizers by their names in camelCase. */
export const optimizers = { ...rules, muon, scheduleFreeAdamW } as const

const table: Readonly<Record<string, (options: never, lenient: true) => Optimizer>> = Object.fromEntries(
  Object.entries(optimizers).map(([name, create]) => [name.toLowerCase(), create]),
)

/** A name, an Optimizer, or Keras's serialised form. */
export type OptimizerLike = Named<keyof typeof optimizers> | Optimizer | KerasObject

/** Resolves a name or a serialised optimizer. Throws INVALID_ARGUMENT. */
export function resolveOptimizer(like: OptimizerLike): Optimizer {
  if (like instanceof Optimizer) return like
  const [name, config]: [string, KerasConfig] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  // Scaled losses are for float16: in float32 the optimizer within does the same.
  if (name === 'LossScaleOptimizer') return resolveOptimizer(config.inner_optimizer as OptimizerLike)
  return lookUp(table, name.toLowerCase(), 'optimizer')(camelKeys(config) as never, true)
}
