import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { epsilon, Loss, type LossFunction, type LossOptions } from './loss.js'

/** Targets of 0 and 1 become -1 and 1, if there are no others. */
function signs(yTrue: Value, emit: GraphBuilder): Value {
  const binaryOnly = emit.min(emit.cast(emit.or(emit.equal(yTrue, 0), emit.equal(yTrue, 1)), 'float32'))
  return emit.where(emit.greater(binaryOnly, 0), emit.sub(emit.mul(yTrue, 2), 1), yTrue)
}

const hingeValues: LossFunction = (yTrue, yPred, emit) => emit.relu(emit.sub(1, emit.mul(signs(yTrue, emit), yPred)))

function huberValues(delta: number): LossFunction {
  return (yTrue, yPred, emit) => {
    const size = emit.abs(emit.sub(yTrue, yPred))
    const quadratic = emit.minimum(size, delta)
    return emit.add(emit.mul(emit.square(quadratic), 0.5), emit.mul(emit.sub(size, quadratic), delta))
  }
}

const logarithm = (x: Value, emit: GraphBuilder) => emit.log(emit.add(emit.maximum(x, epsilon), 1))

const unit = (x: Value, axis: number, emit: GraphBuilder) =>
  emit.div(x, emit.maximum(emit.sqrt(emit.sum(emit.square(x), [axis], true)), epsilon))

/** The loss functions whose values are averaged over the last axis. */
const averaged = {
  mean_squared_error: (t, p, emit) => emit.square(emit.sub(p, t)),
  mean_absolute_error: (t, p, emit) => emit.abs(emit.sub(p, t)),
  mean_absolute_percentage_error: (t, p, emit) =>
    emit.mul(emit.abs(emit.div(emit.sub(t, p), emit.maximum(emit.abs(t), epsilon))), 100),
  mean_squared_logarithmic_error: (t, p, emit) => emit.square(emit.sub(logarithm(p, emit), logarithm(t, emit))),
  log_cosh: (t, p, emit) => {
    const x = emit.sub(p, t)
    return emit.sub(emit.add(x, emit.softplus(emit.mul(x, -2))), Math.LN2)
  },
  poisson: (t, p, emit) => emit.sub(p, emit.mul(t, emit.log(emit.add(p, epsilon)))),
  hinge: hingeValues,
  squared_hinge: (t, p, emit) => emit.square(hingeValues(t, p, emit)),
} as const satisfies Record<string, LossFunction>

/** The loss functions that sum over the last axis themselves. */
const summed = {
  kl_divergence: (t, p, emit) => {
    const target = emit.clip(t, epsilon, 1)
    return emit.sum(emit.mul(target, emit.log(emit.div(target, emit.clip(p, epsilon, 1)))), [-1])
  },
  categorical_hinge: (t, p, emit) => {
    const positive = emit.sum(emit.mul(t, p), [-1])
    const negative = emit.max(emit.mul(emit.sub(1, t), p), [-1])
    return emit.relu(emit.add(emit.sub(negative, positive), 1))
  },
} as const satisfies Record<string, LossFunction>

const simple =
  (className: string, name: keyof typeof averaged | keyof typeof summed) =>
  (options: LossOptions = {}): Loss =>
    name in averaged
      ? new Loss(className, options.name ?? name, averaged[name as keyof typeof averaged], options, { averaged: [-1] })
      : new Loss(className, options.name ?? name, summed[name as keyof typeof summed], options)

export const pointwise = {
  meanSquaredError: simple('MeanSquaredError', 'mean_squared_error'),
  meanAbsoluteError: simple('MeanAbsoluteError', 'mean_absolute_error'),
  meanAbsolutePercentageError: simple('MeanAbsolutePercentageError', 'mean_absolute_percentage_error'),
  meanSquaredLogarithmicError: simple('MeanSquaredLogarithmicError', 'mean_squared_logarithmic_error'),
  logCosh: simple('LogCosh', 'log_cosh'),
  poisson: simple('Poisson', 'poisson'),
  hinge: simple('Hinge', 'hinge'),
  squaredHinge: simple('SquaredHinge', 'squared_hinge'),
  categoricalHinge: simple('CategoricalHinge', 'categorical_hinge'),
  klDivergence: simple('KLDivergence', 'kl_divergence'),
  /** -1 for vectors of one direction, 1 for opposite ones. */
  cosineSimilarity: (options: LossOptions & { readonly axis?: number } = {}) => {
    const { axis = -1, name = 'cosine_similarity' } = options
    const values: LossFunction = (t, p, emit) =>
      emit.neg(emit.sum(emit.mul(unit(t, axis, emit), unit(p, axis, emit)), [axis]))
    return new Loss('CosineSimilarity', name, values, options, { config: { axis } })
  },
  huber: (options: LossOptions & { readonly delta?: number } = {}) =>
    new Loss('Huber', options.name ?? 'huber_loss', huberValues(options.delta ?? 1), options, {
      averaged: [-1],
      config: { delta: options.delta ?? 1 },
    }),
} as const
