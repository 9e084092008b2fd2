import { invalid, snakeKeys } from '../config.js'
import { type LossFunction, lenientLosses, resolveLoss } from '../losses/index.js'
import { scoreTerms } from '../parts.js'
import { lossTerms, Metric, type MetricOptions, type MetricResult, meanTerms, ratio, sameRank } from './metric.js'

type LossName = keyof typeof lenientLosses

/** The mean of a loss's values over samples. */
const likeLoss =
  <Name extends LossName>(lossName: Name, className: string, name: string, result: MetricResult = ratio) =>
  (
    options: MetricOptions & Omit<NonNullable<Parameters<(typeof lenientLosses)[Name]>[0]>, 'reduction'> = {} as never,
  ): Metric => {
    const { name: given, ...rest } = options as MetricOptions
    const loss = (lenientLosses[lossName] as (options: object) => ReturnType<(typeof lenientLosses)[Name]>)(rest)
    const { config } = loss.details
    const own = Object.entries(snakeKeys(rest)).filter(([key]) => config && key in config)
    return new Metric(given ?? name, lossTerms(loss), result, className, Object.fromEntries(own))
  }

/** `lossTerms` of a function of one's own. */
const ownTerms = (values: LossFunction) => {
  if (typeof values !== 'function')
    throw invalid(`a metric is made of a function (yTrue, yPred, k) => …, got ${values}`)
  return lossTerms(resolveLoss(values))
}

export interface AxisOptions extends MetricOptions {
  readonly axis?: number
}

/** The mean of a correlation over the predictions' axis `axis`. */
const alongAxis =
  (className: string, name: string) =>
  (options: AxisOptions = {}): Metric => {
    const { axis = -1 } = options
    return new Metric(
      options.name ?? name,
      (yTrue, yPred, weights, emit) => {
        const [target, prediction] = sameRank(yTrue, yPred, emit)
        return meanTerms(scoreTerms().correlations[className](target, prediction, axis, emit), weights, emit)
      },
      ratio,
      className,
      { axis },
    )
  }

export const means = {
  meanSquaredError: likeLoss('meanSquaredError', 'MeanSquaredError', 'mean_squared_error'),
  rootMeanSquaredError: likeLoss('meanSquaredError', 'RootMeanSquaredError', 'root_mean_squared_error', (sums) =>
    Math.sqrt(ratio(sums)),
  ),
  meanAbsoluteError: likeLoss('meanAbsoluteError', 'MeanAbsoluteError', 'mean_absolute_error'),
  meanAbsolutePercentageError: likeLoss(
    'meanAbsolutePercentageError',
    'MeanAbsolutePercentageError',
    'mean_absolute_percentage_error',
  ),
  meanSquaredLogarithmicError: likeLoss(
    'meanSquaredLogarithmicError',
    'MeanSquaredLogarithmicError',
    'mean_squared_logarithmic_error',
  ),
  logCoshError: likeLoss('logCosh', 'LogCoshError', 'logcosh'),
  poisson: likeLoss('poisson', 'Poisson', 'poisson'),
  klDivergence: likeLoss('klDivergence', 'KLDivergence', 'kl_divergence'),
  hinge: likeLoss('hinge', 'Hinge', 'hinge'),
  squaredHinge: likeLoss('squaredHinge', 'SquaredHinge', 'squared_hinge'),
  categoricalHinge: likeLoss('categoricalHinge', 'CategoricalHinge', 'categorical_hinge'),
  binaryCrossentropy: likeLoss('binaryCrossentropy', 'BinaryCrossentropy', 'binary_crossentropy'),
  categoricalCrossentropy: likeLoss('categoricalCrossentropy', 'CategoricalCrossentropy', 'categorical_crossentropy'),
  sparseCategoricalCrossentropy: likeLoss(
    'sparseCategoricalCrossentropy',
    'SparseCategoricalCrossentropy',
    'sparse_categorical_crossentropy',
  ),
  /** 1 for vectors of one direction; the loss of that name has the other sign. */
  cosineSimilarity: alongAxis('CosineSimilarity', 'cosine_similarity'),
  pearsonCorrelation: alongAxis('PearsonCorrelation', 'pearson_correlation'),
  concordanceCorrelation: alongAxis('ConcordanceCorrelation', 'concordance_correlation'),
  /** The mean of a function over graph values: Keras's MeanMetricWrapper. */
  mean: (values: LossFunction, options: MetricOptions = {}): Metric =>
    new Metric(options.name ?? (values?.name || 'metric'), ownTerms(values), ratio),
  /** The sum of a function over graph values. */
  sum: (values: LossFunction, options: MetricOptions = {}): Metric => {
    const terms = ownTerms(values)
    return new Metric(
      options.name ?? (values.name || 'sum'),
      (yTrue, yPred, weights, emit) => terms(yTrue, yPred, weights, emit).slice(0, 1),
      (sums) => sums[0],
    )
  },
} as const
