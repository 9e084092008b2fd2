import { camelKeys, invalid, isKerasObject, type KerasObject, type Named, snakeCase, strictly } from '../config.js'
import { isLossName, type LossFunction, resolveLoss } from '../losses/index.js'
import { accuracies, chosen } from './accuracy.js'
import { means } from './means.js'
import { lossTerms, Metric, ratio } from './metric.js'
import { scores } from './scores.js'
import { thresholdMetrics } from './thresholds.js'

export { Metric, type MetricOptions, type MetricResult, type MetricTerms } from './metric.js'

const lenientMetrics = { ...accuracies, ...means, ...thresholdMetrics, ...scores } as const

/** Metrics by their names in camelCase. */
export const metrics = strictly(lenientMetrics)

/** Those that a name alone tells. */
const namedMetrics = () => Object.entries(lenientMetrics).filter(([name]) => name !== 'mean' && name !== 'sum')

type MetricTable = Map<string, (options: never) => Metric>

function tableOfMetrics(): MetricTable {
  const table: MetricTable = new Map(
    namedMetrics().map(([name, create]) => [snakeCase(name).replaceAll('_', ''), create as never]),
  )
  for (const [alias, name] of [
    ['acc', 'accuracy'],
    ['mse', 'meansquarederror'],
    ['rmse', 'rootmeansquarederror'],
    ['mae', 'meanabsoluteerror'],
    ['mape', 'meanabsolutepercentageerror'],
    ['msle', 'meansquaredlogarithmicerror'],
    ['logcosh', 'logcosherror'],
    ['kld', 'kldivergence'],
    ['bce', 'binarycrossentropy'],
  ])
    table.set(alias, table.get(name)!)
  for (const name of ['crossentropy', 'ce'])
    table.set(name, () =>
      chosen(name, {
        binary: metrics.binaryCrossentropy,
        sparse: metrics.sparseCategoricalCrossentropy,
        categorical: metrics.categoricalCrossentropy,
      }),
    )
  return table
}

let known: MetricTable | undefined

/** The metrics by name, once one is looked up. */
const table = (): MetricTable => {
  known ??= tableOfMetrics()
  return known
}

/** A name, a Metric, a function over graph values whose mean is taken, or Keras's serialised form. */
export type MetricLike = Named<keyof typeof lenientMetrics> | Metric | LossFunction | KerasObject

/** Resolves a name, a function, or a serialised metric; a string stays the metric's name. Throws INVALID_ARGUMENT. */
export function resolveMetric(like: MetricLike): Metric {
  if (like instanceof Metric) return like
  if (typeof like === 'function') return metrics.mean(like)
  const [name, config] = isKerasObject(like)
    ? [like.class_name, camelKeys(like.config)]
    : [like, { name: snakeCase(like) }]
  const create = table().get(snakeCase(name).replaceAll('_', ''))
  if (create) return create(config as never)
  if (!isLossName(name))
    throw invalid(
      `unknown metric '${name}'; known: ${namedMetrics()
        .map(([name]) => name)
        .join(', ')}, and the names of losses`,
    )
  const loss = resolveLoss({ class_name: name, config: isKerasObject(like) ? like.config : {} })
  return new Metric(String(config.name ?? loss.name), lossTerms(loss), ratio)
}
