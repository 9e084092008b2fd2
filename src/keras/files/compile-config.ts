import { LanewiseError } from '../../core/errors.js'
import type { Model } from '../model.js'
import type { CompileOptions } from '../training/compiled.js'

/** Compiles `model` as a file's `compile_config` says. Throws INVALID_MODEL, with the way around, for what is not known here. */
export function compileFrom(model: Model, config: Readonly<Record<string, unknown>>, place: string): void {
  const { optimizer, loss, loss_weights: lossWeights, metrics, weighted_metrics: weightedMetrics } = config
  try {
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
