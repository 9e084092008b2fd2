import type { Value } from '../../core/ir.js'
import { camelKeys, invalid, isKerasObject, type KerasObject, type Named, snakeCase, strictly } from '../config.js'
import { crossentropies } from './crossentropy.js'
import { Loss, type LossFunction } from './loss.js'
import { pointwise } from './pointwise.js'
import { structured } from './structured.js'

export { Loss, type LossFunction, type LossOptions, type Reduction } from './loss.js'

/** Losses by their names in camelCase, which take what files say of them. */
export const lenientLosses = { ...pointwise, ...crossentropies, ...structured } as const

/** Losses by their names in camelCase. */
export const losses = strictly(lenientLosses)

type LossTable = Map<string, (options: never) => Loss>

function tableOfLosses(): LossTable {
  const table: LossTable = new Map(Object.entries(lenientLosses).map(([name, create]) => [snakeCase(name), create]))
  for (const [alias, name] of [
    ['mse', 'mean_squared_error'],
    ['mae', 'mean_absolute_error'],
    ['mape', 'mean_absolute_percentage_error'],
    ['msle', 'mean_squared_logarithmic_error'],
    ['logcosh', 'log_cosh'],
    ['kld', 'kl_divergence'],
    ['kullback_leibler_divergence', 'kl_divergence'],
    ['bce', 'binary_crossentropy'],
  ])
    table.set(alias, table.get(name)!)
  return table
}

let known: LossTable | undefined

/** The losses by name, once one is looked up. */
const table = (): LossTable => {
  known ??= tableOfLosses()
  return known
}

/** A name, a Loss, a function over graph values, or Keras's serialised form. */
export type LossLike = Named<keyof typeof lenientLosses> | Loss | LossFunction | KerasObject

/** Whether there is a loss called `name`. */
export const isLossName = (name: string): boolean => table().has(snakeCase(name))

/** The loss, with an error where it does not give a value of the graph. */
const checked =
  (loss: LossFunction): LossFunction =>
  (yTrue, yPred, emit) => {
    const result: unknown = loss(yTrue, yPred, emit)
    if (typeof result === 'object' && result !== null && 'shape' in result) return result as Value
    throw invalid(
      `loss '${loss.name || 'custom'}' gave ${typeof result}; it must give a value that the emitter's operations made`,
    )
  }

/** Resolves a name, a function, or a serialised loss. Throws INVALID_ARGUMENT. */
export function resolveLoss(like: LossLike): Loss {
  if (like instanceof Loss) return like
  if (typeof like === 'function')
    return new Loss(like.name || 'custom', like.name || 'loss', checked(like), {}, { asGiven: true, custom: true })
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  const create = table().get(snakeCase(name))
  if (!create) throw invalid(`unknown loss '${name}'; known: ${[...table().keys()].join(', ')}`)
  return create(camelKeys(config) as never)
}
