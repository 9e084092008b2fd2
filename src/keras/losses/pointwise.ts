import { rareValues } from '../parts.js'
import { Loss, type LossFunction, type LossOptions } from './loss.js'
import type { RareValues } from './rare-values.js'

function huberValues(delta: number): LossFunction {
  return (yTrue, yPred, emit) => {
    const size = emit.abs(emit.sub(yTrue, yPred))
    const quadratic = emit.minimum(size, delta)
    return emit.add(emit.mul(emit.square(quadratic), 0.5), emit.mul(emit.sub(size, quadratic), delta))
  }
}

/** Loss functions, averaged over the last axis. */
const averaged = {
  mean_squared_error: (t, p, emit) => emit.square(emit.sub(p, t)),
  mean_absolute_error: (t, p, emit) => emit.abs(emit.sub(p, t)),
} as const satisfies Record<string, LossFunction>

/** The values of a loss that come by need. */
const rare =
  (name: RareValues): LossFunction =>
  (yTrue, yPred, emit) =>
    rareValues().values[name](yTrue, yPred, emit)

/** A loss without options of its own. */
const simple =
  (className: string, name: keyof typeof averaged | RareValues, isAveraged = true) =>
  (options: LossOptions = {}): Loss =>
    new Loss(
      className,
      options.name ?? name,
      name in averaged ? averaged[name as keyof typeof averaged] : rare(name as RareValues),
      options,
      isAveraged ? { averaged: [-1] } : {},
    )

export const pointwise = {
  meanSquaredError: simple('MeanSquaredError', 'mean_squared_error'),
  meanAbsoluteError: simple('MeanAbsoluteError', 'mean_absolute_error'),
  meanAbsolutePercentageError: simple('MeanAbsolutePercentageError', 'mean_absolute_percentage_error'),
  meanSquaredLogarithmicError: simple('MeanSquaredLogarithmicError', 'mean_squared_logarithmic_error'),
  logCosh: simple('LogCosh', 'log_cosh'),
  poisson: simple('Poisson', 'poisson'),
  hinge: simple('Hinge', 'hinge'),
  squaredHinge: simple('SquaredHinge', 'squared_hinge'),
  categoricalHinge: simple('CategoricalHinge', 'categorical_hinge', false),
  klDivergence: simple('KLDivergence', 'kl_divergence', false),
  /** -1 for vectors of one direction, 1 for opposite ones. */
  cosineSimilarity: (options: LossOptions & { readonly axis?: number } = {}) => {
    const { axis = -1, name = 'cosine_similarity' } = options
    const values: LossFunction = (t, p, emit) => rareValues().cosine(t, p, axis, emit)
    return new Loss('CosineSimilarity', name, values, options, { config: { axis } })
  },
  huber: (options: LossOptions & { readonly delta?: number } = {}) =>
    new Loss('Huber', options.name ?? 'huber_loss', huberValues(options.delta ?? 1), options, {
      averaged: [-1],
      config: { delta: options.delta ?? 1 },
    }),
} as const
