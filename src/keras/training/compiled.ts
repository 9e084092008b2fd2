import { checkOptions } from '../../core/options.js'
import { invalid } from '../config.js'
import { type Loss, type LossLike, resolveLoss } from '../losses/index.js'
import { type Metric, type MetricLike, resolveMetric } from '../metrics/index.js'
import { type Optimizer, type OptimizerLike, resolveOptimizer } from '../optimizers/index.js'
import type { TrainStepFunction } from './train-step.js'

/** One value for each output: a list in the outputs' order, or an object by output name. */
export type PerOutput<T> = readonly (T | null)[] | Readonly<Record<string, T>>

/** What `compile` takes: names, instances, or objects as Keras writes them. */
export interface CompileOptions {
  /** RMSprop unless given, as in Keras. */
  readonly optimizer?: OptimizerLike
  readonly loss?: LossLike | PerOutput<LossLike> | null
  readonly lossWeights?: PerOutput<number> | null
  readonly metrics?: readonly MetricLike[] | PerOutput<MetricLike | readonly MetricLike[]> | null
  /** Like `metrics`, with sample and class weights applied. */
  readonly weightedMetrics?: readonly MetricLike[] | PerOutput<MetricLike | readonly MetricLike[]> | null
  /** What training takes for its loss, in place of the loss of the model's outputs for x. */
  readonly trainStep?: TrainStepFunction | null
}

const compileOptions: Readonly<Record<keyof CompileOptions, true>> = {
  optimizer: true,
  loss: true,
  lossWeights: true,
  metrics: true,
  weightedMetrics: true,
  trainStep: true,
}

/** What one output is trained and measured by. */
export interface CompiledOutput {
  readonly name: string
  readonly loss: Loss | undefined
  readonly lossWeight: number
  readonly metrics: readonly Metric[]
  readonly weightedMetrics: readonly Metric[]
}

export interface Compiled {
  readonly optimizer: Optimizer
  readonly outputs: readonly CompiledOutput[]
  readonly trainStep: TrainStepFunction | undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  Object.getPrototypeOf(value) === Object.prototype &&
  !('class_name' in value)

function perOutput<T>(value: unknown, names: readonly string[], what: string): (T | undefined)[] {
  if (value === null || value === undefined) return names.map(() => undefined)
  if (isRecord(value)) {
    const unknown = Object.keys(value).find((key) => !names.includes(key))
    if (unknown !== undefined)
      throw invalid(`${what}: there is no output '${unknown}'; the model has ${names.join(', ')}`)
    return names.map((name) => (value[name] as T | null) ?? undefined)
  }
  if (Array.isArray(value)) {
    if (value.length !== names.length)
      throw invalid(`${what}: the model has ${names.length} outputs (${names.join(', ')}), got ${value.length}`)
    return value.map((item) => (item as T | null) ?? undefined)
  }
  if (names.length !== 1 && what !== 'loss')
    throw invalid(`${what}: give a list or an object, one for each of the outputs ${names.join(', ')}`)
  return names.map(() => value as T)
}

function metricsPerOutput(value: CompileOptions['metrics'], names: readonly string[], what: string): Metric[][] {
  const flat = Array.isArray(value) && names.length === 1 && !value.some((item) => Array.isArray(item))
  const lists = perOutput<MetricLike | readonly MetricLike[]>(flat ? [value] : value, names, what)
  return lists.map((list) => {
    if (list === undefined) return []
    return (Array.isArray(list) ? list : [list]).map((item) => resolveMetric(item as MetricLike))
  })
}

/** Resolves the options of `compile` for a model with these outputs. Throws INVALID_ARGUMENT. */
export function resolveCompileOptions(options: CompileOptions, names: readonly string[]): Compiled {
  checkOptions('compile', options, compileOptions)
  const lossOf = perOutput<LossLike>(options.loss, names, 'loss')
  const weights = perOutput<number>(options.lossWeights, names, 'lossWeights')
  const metrics = metricsPerOutput(options.metrics, names, 'metrics')
  const weighted = metricsPerOutput(options.weightedMetrics, names, 'weightedMetrics')
  return {
    optimizer: resolveOptimizer(options.optimizer ?? 'rmsprop'),
    trainStep: options.trainStep ?? undefined,
    outputs: names.map((name, i) => ({
      name,
      loss: lossOf[i] === undefined ? undefined : resolveLoss(lossOf[i]),
      lossWeight: weights[i] ?? 1,
      metrics: metrics[i],
      weightedMetrics: weighted[i],
    })),
  }
}
