import { LanewiseError } from '../../core/errors.js'
import { invalid, isKerasObject, snakeCase } from '../config.js'
import type { Model } from '../model.js'
import type { CompileOptions } from '../training/compiled.js'

/** Compiles `model` as a file's `compile_config` says. Throws INVALID_MODEL, with the way around, for what is not known here. */
export function compileFrom(model: Model, read: () => Readonly<Record<string, unknown>>, place: string): void {
  try {
    const { optimizer, loss, loss_weights: lossWeights, metrics, weighted_metrics: weightedMetrics } = read()
    model.compile({ optimizer, loss, lossWeights, metrics, weightedMetrics } as CompileOptions)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    throw new LanewiseError(
      'INVALID_MODEL',
      `${place}: ${cause.message}; load the file with { compile: false } and compile the model yourself`,
      { cause },
    )
  }
}

interface Serializable {
  serialize(): unknown
}

const isSerializable = (value: object): value is Serializable => typeof (value as Serializable).serialize === 'function'

/** Losses and metrics in Keras's form: names, and objects. Throws INVALID_ARGUMENT for functions. */
function serialized(value: unknown, what: string): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return snakeCase(value)
  if (typeof value === 'number') return value
  if (Array.isArray(value)) return value.map((item) => serialized(item, what))
  if (typeof value === 'object' && isKerasObject(value)) return value
  const object = typeof value === 'object' && isSerializable(value) ? value.serialize() : undefined
  if (object !== undefined) return object
  if (typeof value !== 'object' || isSerializable(value))
    throw invalid(
      `${what} is made of a function, which a file cannot hold; save the model with { includeOptimizer: false }`,
    )
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, serialized(item, what)]))
}

/** Keras's `compile_config` of a compiled model. Throws INVALID_ARGUMENT. */
export const compileConfig = (
  model: Model,
  { loss, lossWeights, metrics, weightedMetrics }: CompileOptions,
): Record<string, unknown> => ({
  optimizer: model.optimizer.serialize(),
  loss: serialized(loss, 'the loss'),
  loss_weights: lossWeights ?? null,
  metrics: serialized(metrics, 'a metric'),
  weighted_metrics: serialized(weightedMetrics, 'a metric'),
  run_eagerly: false,
  steps_per_execution: 1,
  jit_compile: false,
})
