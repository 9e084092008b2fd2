import { checkOptions } from '../../core/options.js'
import {
  camelKeys,
  invalid,
  isKerasObject,
  type KerasConfig,
  type KerasObject,
  kerasObject,
  lookUp,
} from '../config.js'

/** A learning rate that depends on the number of updates made so far; evaluated on the host before each step. */
export class Schedule {
  constructor(
    readonly className: string,
    readonly config: KerasConfig,
    /** The learning rate of the update that follows `step` others. */
    readonly at: (step: number) => number,
  ) {}

  /** Throws INVALID_ARGUMENT for a function. */
  serialize(): KerasObject {
    if (!this.className)
      throw invalid('a learning rate that a function gives cannot be written; use a schedule of Keras')
    return kerasObject('keras.optimizers.schedules', this.className, this.config)
  }
}

/** Throws INVALID_ARGUMENT for options that are not known, and for needed ones that are no numbers. */
function check(className: string, options: object, needed: readonly string[], others: readonly string[] = []): void {
  checkOptions(className, options, Object.fromEntries([...needed, ...others, 'name'].map((name) => [name, true])))
  const missing = needed.find((name) => typeof (options as Record<string, unknown>)[name] !== 'number')
  if (missing !== undefined) throw invalid(`${className} needs a number for '${missing}'`)
}

interface DecayOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  readonly decayRate: number
  readonly staircase?: boolean
}

const decay =
  (className: string, rate: (options: DecayOptions, progress: number) => number) =>
  (options: DecayOptions): Schedule => {
    check(className, options, ['initialLearningRate', 'decaySteps', 'decayRate'], ['staircase'])
    const { initialLearningRate, decaySteps, decayRate, staircase = false } = options
    const config = {
      initial_learning_rate: initialLearningRate,
      decay_steps: decaySteps,
      decay_rate: decayRate,
      staircase,
      name: className,
    }
    return new Schedule(className, config, (step) => {
      const progress = step / decaySteps
      return rate(options, staircase ? Math.floor(progress) : progress)
    })
  }

/** initialLearningRate * decayRate ^ (step / decaySteps). */
export const exponentialDecay = decay(
  'ExponentialDecay',
  ({ initialLearningRate, decayRate }, progress) => initialLearningRate * decayRate ** progress,
)

/** initialLearningRate / (1 + decayRate * step / decaySteps). */
export const inverseTimeDecay = decay(
  'InverseTimeDecay',
  ({ initialLearningRate, decayRate }, progress) => initialLearningRate / (1 + decayRate * progress),
)

/** values[i] up to and including boundaries[i], the last value after all boundaries. */
export const piecewiseConstantDecay = (options: {
  boundaries: readonly number[]
  values: readonly number[]
}): Schedule => {
  check('PiecewiseConstantDecay', options, [], ['boundaries', 'values'])
  const { boundaries, values } = options
  if (values.length !== boundaries.length + 1)
    throw invalid(
      `piecewiseConstantDecay needs one value more than boundaries, got ${values.length} and ${boundaries.length}`,
    )
  return new Schedule('PiecewiseConstantDecay', { boundaries, values, name: 'PiecewiseConstant' }, (step) => {
    const index = boundaries.findIndex((boundary) => step <= boundary)
    return values[index === -1 ? values.length - 1 : index]
  })
}

export interface PolynomialDecayOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  readonly endLearningRate?: number
  readonly power?: number
  readonly cycle?: boolean
}

export const polynomialDecay = (options: PolynomialDecayOptions): Schedule => {
  check('PolynomialDecay', options, ['initialLearningRate', 'decaySteps'], ['endLearningRate', 'power', 'cycle'])
  const { initialLearningRate, decaySteps, endLearningRate = 1e-4, power = 1, cycle = false } = options
  const config = {
    initial_learning_rate: initialLearningRate,
    decay_steps: decaySteps,
    end_learning_rate: endLearningRate,
    power,
    cycle,
    name: 'PolynomialDecay',
  }
  return new Schedule('PolynomialDecay', config, (step) => {
    const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps
    const progress = Math.min(step, length) / length
    return (initialLearningRate - endLearningRate) * (1 - progress) ** power + endLearningRate
  })
}

export interface CosineDecayOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  /** The lowest rate, as a share of the highest. */
  readonly alpha?: number
  readonly warmupTarget?: number | null
  readonly warmupSteps?: number
}

/** Loshchilov and Hutter, 2016, after an optional linear warm-up to `warmupTarget`. */
export const cosineDecay = (options: CosineDecayOptions): Schedule => {
  check('CosineDecay', options, ['initialLearningRate', 'decaySteps'], ['alpha', 'warmupTarget', 'warmupSteps'])
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget = null, warmupSteps = 0 } = options
  const config = {
    initial_learning_rate: initialLearningRate,
    decay_steps: decaySteps,
    alpha,
    name: 'CosineDecay',
    warmup_target: warmupTarget,
    warmup_steps: warmupSteps,
  }
  const decayed = (from: number, step: number) => {
    const cosine = 0.5 * (1 + Math.cos((Math.PI * Math.min(step, decaySteps)) / decaySteps))
    return from * ((1 - alpha) * cosine + alpha)
  }
  return new Schedule('CosineDecay', config, (step) => {
    if (warmupTarget === null) return decayed(initialLearningRate, step)
    if (step < warmupSteps) return initialLearningRate + ((warmupTarget - initialLearningRate) * step) / warmupSteps
    return decayed(warmupTarget, step - warmupSteps)
  })
}

export interface CosineDecayRestartsOptions {
  readonly initialLearningRate: number
  readonly firstDecaySteps: number
  /** Each period is so many times longer than the one before. */
  readonly tMul?: number
  /** Each period starts at so many times the rate of the one before. */
  readonly mMul?: number
  readonly alpha?: number
}

/** Stochastic gradient descent with warm restarts (Loshchilov and Hutter, 2016). */
export const cosineDecayRestarts = (options: CosineDecayRestartsOptions): Schedule => {
  check('CosineDecayRestarts', options, ['initialLearningRate', 'firstDecaySteps'], ['tMul', 'mMul', 'alpha'])
  const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options
  const config = {
    initial_learning_rate: initialLearningRate,
    first_decay_steps: firstDecaySteps,
    t_mul: tMul,
    m_mul: mMul,
    alpha,
    name: 'SGDRDecay',
  }
  return new Schedule('CosineDecayRestarts', config, (step) => {
    let period = 0
    let start = 0
    let length = firstDecaySteps
    for (; step >= start + length; period++) {
      start += length
      length *= tMul
    }
    const cosine = 0.5 * mMul ** period * (1 + Math.cos((Math.PI * (step - start)) / length))
    return initialLearningRate * ((1 - alpha) * cosine + alpha)
  })
}

const table: Readonly<Record<string, (options: never) => Schedule>> = {
  exponential_decay: exponentialDecay,
  inverse_time_decay: inverseTimeDecay,
  piecewise_constant_decay: piecewiseConstantDecay,
  polynomial_decay: polynomialDecay,
  cosine_decay: cosineDecay,
  cosine_decay_restarts: cosineDecayRestarts,
}

/** A number, a Schedule, a function of the number of updates made so far, or Keras's serialised form. */
export type LearningRateLike = number | Schedule | ((step: number) => number) | KerasObject

/** Resolves a serialised schedule. Throws INVALID_ARGUMENT. */
export function resolveLearningRate(like: LearningRateLike): number | Schedule {
  if (like instanceof Schedule) return like
  if (typeof like === 'function') return new Schedule('', {}, like)
  if (isKerasObject(like)) return lookUp(table, like.class_name, 'schedule')(camelKeys(like.config) as never)
  if (typeof like !== 'number' || !(like >= 0))
    throw invalid(`the learning rate must be a number of 0 or more, or a schedule, got ${JSON.stringify(like)}`)
  return like
}
