import type { Value } from '../core/ir.js'
import type { Emitter } from '../ops/emitter.js'
import { camelKeys, invalid, isKerasObject, type KerasConfig, type KerasObject, kerasObject, lookUp } from './config.js'
import { type LearningRateLike, resolveLearningRate, Schedule } from './schedules.js'

/** Options of every optimizer, as in Keras 3. */
export interface OptimizerOptions {
  readonly learningRate?: LearningRateLike
  readonly name?: string
  /** Decoupled: each weight shrinks by learning rate times this before its update. */
  readonly weightDecay?: number | null
  /** Limits the norm of each gradient. */
  readonly clipnorm?: number | null
  /** Limits the norm of all gradients together. */
  readonly globalClipnorm?: number | null
  /** Limits each element of the gradients. */
  readonly clipvalue?: number | null
  /** Gradients are averaged over so many steps before an update. */
  readonly gradientAccumulationSteps?: number | null
}

/** One weight's part of an update. */
export interface UpdateContext {
  readonly emit: Emitter
  readonly weight: Value
  readonly gradient: Value
  readonly slots: readonly Value[]
  /** A scalar that the host computes before each step. */
  rate(name: string): Value
}

export interface UpdateResult {
  readonly weight: Value
  readonly slots: readonly Value[]
}

/** Writes the update of a weight, and computes the scalars that change from step to step. */
export abstract class Optimizer {
  abstract readonly className: string
  /** Names of the state kept for each weight, and its first value. */
  abstract readonly slots: readonly { readonly name: string; readonly initial: number }[]
  /** A number, or a schedule; may be changed between steps. */
  learningRate: number | Schedule
  readonly options: OptimizerOptions
  /** Batches seen. */
  iterations = 0

  constructor(options: OptimizerOptions, learningRate: number) {
    this.options = options
    this.learningRate = resolveLearningRate(options.learningRate ?? learningRate)
  }

  abstract update(context: UpdateContext): UpdateResult

  /** Values of the scalars that `update` asks for, by name; `step` counts updates from 0. */
  rates(learningRate: number, _step: number): Record<string, number> {
    return { learning_rate: learningRate }
  }

  protected abstract config(): KerasConfig

  get accumulationSteps(): number {
    return this.options.gradientAccumulationSteps ?? 1
  }

  /** Number of updates made. */
  get updates(): number {
    return Math.floor(this.iterations / this.accumulationSteps)
  }

  /** The learning rate of the next update. */
  get currentLearningRate(): number {
    return this.learningRate instanceof Schedule ? this.learningRate.at(this.updates) : this.learningRate
  }

  /** The gradients after clipping, as Keras: the first option that is set counts. */
  clip(gradients: readonly Value[], emit: Emitter): readonly Value[] {
    const { clipnorm, globalClipnorm, clipvalue } = this.options
    if (clipnorm)
      return gradients.map((gradient) => {
        const norm = emit.sqrt(emit.sum(emit.square(gradient)))
        return emit.mul(gradient, emit.div(clipnorm, emit.maximum(norm, clipnorm)))
      })
    if (globalClipnorm && gradients.length > 0) {
      const total = gradients.map((gradient) => emit.sum(emit.square(gradient))).reduce((a, b) => emit.add(a, b))
      const scale = emit.div(globalClipnorm, emit.maximum(emit.sqrt(total), globalClipnorm))
      return gradients.map((gradient) => emit.mul(gradient, scale))
    }
    if (clipvalue) return gradients.map((gradient) => emit.clip(gradient, -clipvalue, clipvalue))
    return gradients
  }

  /** The weight after decay, before its update. */
  decay(weight: Value, { emit, rate }: Pick<UpdateContext, 'emit' | 'rate'>): Value {
    const { weightDecay } = this.options
    if (!weightDecay) return weight
    return emit.sub(weight, emit.mul(weight, emit.mul(rate('learning_rate'), weightDecay)))
  }

  serialize(): KerasObject {
    const { options } = this
    return kerasObject('keras.optimizers', this.className, {
      name: options.name ?? this.className.toLowerCase(),
      learning_rate: this.learningRate instanceof Schedule ? this.learningRate.serialize() : this.learningRate,
      weight_decay: options.weightDecay ?? null,
      clipnorm: options.clipnorm ?? null,
      global_clipnorm: options.globalClipnorm ?? null,
      clipvalue: options.clipvalue ?? null,
      use_ema: false,
      ema_momentum: 0.99,
      ema_overwrite_frequency: null,
      loss_scale_factor: null,
      gradient_accumulation_steps: options.gradientAccumulationSteps ?? null,
      ...this.config(),
    })
  }
}

export interface SGDOptions extends OptimizerOptions {
  readonly momentum?: number
  readonly nesterov?: boolean
}

/** Stochastic gradient descent. */
export class SGD extends Optimizer {
  readonly className = 'SGD'
  readonly momentum: number
  readonly nesterov: boolean
  readonly slots

  constructor(options: SGDOptions = {}) {
    super(options, 0.01)
    this.momentum = options.momentum ?? 0
    this.nesterov = options.nesterov ?? false
    if (!(this.momentum >= 0 && this.momentum <= 1)) throw invalid(`momentum must be in [0, 1], got ${this.momentum}`)
    this.slots = this.momentum === 0 ? [] : [{ name: 'momentum', initial: 0 }]
  }

  update({ emit, weight, gradient, slots, rate }: UpdateContext): UpdateResult {
    if (this.momentum === 0)
      return { weight: emit.op('lanewise.SgdUpdate', [weight, gradient, rate('learning_rate')]), slots: [] }
    const [next, ...state] = emit.emit(
      'lanewise.MomentumUpdate',
      [weight, gradient, slots[0], rate('learning_rate')],
      { momentum: this.momentum, nesterov: this.nesterov ? 1 : 0 },
      2,
    )
    return { weight: next, slots: state }
  }

  protected config(): KerasConfig {
    return { momentum: this.momentum, nesterov: this.nesterov }
  }
}

export interface AdamOptions extends OptimizerOptions {
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
  readonly amsgrad?: boolean
}

const zero = (name: string) => ({ name, initial: 0 })

/** Kingma and Ba, 2014. */
export class Adam extends Optimizer {
  readonly className: string = 'Adam'
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly amsgrad: boolean
  readonly slots

  constructor(options: AdamOptions = {}) {
    super(options, 0.001)
    this.beta1 = options.beta1 ?? 0.9
    this.beta2 = options.beta2 ?? 0.999
    this.epsilon = options.epsilon ?? 1e-7
    this.amsgrad = options.amsgrad ?? false
    this.slots = [zero('momentum'), zero('velocity'), ...(this.amsgrad ? [zero('velocity_hat')] : [])]
  }

  override rates(learningRate: number, step: number): Record<string, number> {
    const t = step + 1
    return {
      learning_rate: learningRate,
      alpha: (learningRate * Math.sqrt(1 - this.beta2 ** t)) / (1 - this.beta1 ** t),
    }
  }

  update({ emit, weight, gradient, slots: [m, v, largest], rate }: UpdateContext): UpdateResult {
    const attributes = { beta_1: this.beta1, beta_2: this.beta2, epsilon: this.epsilon }
    if (!this.amsgrad) {
      const [next, ...state] = emit.emit('lanewise.AdamUpdate', [weight, gradient, m, v, rate('alpha')], attributes, 3)
      return { weight: next, slots: state }
    }
    const momentum = emit.add(m, emit.mul(emit.sub(gradient, m), 1 - this.beta1))
    const velocity = emit.add(v, emit.mul(emit.sub(emit.square(gradient), v), 1 - this.beta2))
    const hat = emit.maximum(largest, velocity)
    const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(emit.sqrt(hat), this.epsilon))
    return { weight: emit.sub(weight, change), slots: [momentum, velocity, hat] }
  }

  protected config(): KerasConfig {
    return { beta_1: this.beta1, beta_2: this.beta2, epsilon: this.epsilon, amsgrad: this.amsgrad }
  }
}

/** Adam with decoupled weight decay, 0.004 unless given (Loshchilov and Hutter, 2017). */
export class AdamW extends Adam {
  override readonly className = 'AdamW'
  constructor(options: AdamOptions = {}) {
    super({ ...options, weightDecay: options.weightDecay ?? 0.004 })
  }
}

export interface AdamaxOptions extends OptimizerOptions {
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
}

/** Adam's variant on the infinity norm (Kingma and Ba, 2014, section 7.1). */
export class Adamax extends Optimizer {
  readonly className = 'Adamax'
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly slots = [zero('momentum'), zero('norm')]

  constructor(options: AdamaxOptions = {}) {
    super(options, 0.001)
    this.beta1 = options.beta1 ?? 0.9
    this.beta2 = options.beta2 ?? 0.999
    this.epsilon = options.epsilon ?? 1e-7
  }

  override rates(learningRate: number, step: number): Record<string, number> {
    return { learning_rate: learningRate, alpha: learningRate / (1 - this.beta1 ** (step + 1)) }
  }

  update({ emit, weight, gradient, slots: [m, u], rate }: UpdateContext): UpdateResult {
    const momentum = emit.add(m, emit.mul(emit.sub(gradient, m), 1 - this.beta1))
    const norm = emit.maximum(emit.mul(u, this.beta2), emit.abs(gradient))
    const change = emit.div(emit.mul(momentum, rate('alpha')), emit.add(norm, this.epsilon))
    return { weight: emit.sub(weight, change), slots: [momentum, norm] }
  }

  protected config(): KerasConfig {
    return { beta_1: this.beta1, beta_2: this.beta2, epsilon: this.epsilon }
  }
}

export interface RMSpropOptions extends OptimizerOptions {
  readonly rho?: number
  readonly momentum?: number
  readonly epsilon?: number
  readonly centered?: boolean
}

/** Tieleman and Hinton, 2012. */
export class RMSprop extends Optimizer {
  readonly className = 'RMSprop'
  readonly rho: number
  readonly momentum: number
  readonly epsilon: number
  readonly centered: boolean
  readonly slots

  constructor(options: RMSpropOptions = {}) {
    super(options, 0.001)
    this.rho = options.rho ?? 0.9
    this.momentum = options.momentum ?? 0
    this.epsilon = options.epsilon ?? 1e-7
    this.centered = options.centered ?? false
    this.slots = [
      zero('velocity'),
      ...(this.momentum > 0 ? [zero('momentum')] : []),
      ...(this.centered ? [zero('average_gradient')] : []),
    ]
  }

  update({ emit, weight, gradient, slots, rate }: UpdateContext): UpdateResult {
    const learningRate = rate('learning_rate')
    if (this.momentum === 0 && !this.centered) {
      const attributes = { rho: this.rho, epsilon: this.epsilon }
      const inputs = [weight, gradient, slots[0], learningRate]
      const [next, ...state] = emit.emit('lanewise.RmspropUpdate', inputs, attributes, 2)
      return { weight: next, slots: state }
    }
    const blend = (state: Value, value: Value) => emit.add(emit.mul(state, this.rho), emit.mul(value, 1 - this.rho))
    const velocity = blend(slots[0], emit.square(gradient))
    const state = [velocity]
    const average = this.centered ? blend(slots[slots.length - 1], gradient) : undefined
    const variance = average ? emit.sub(velocity, emit.square(average)) : velocity
    const deviation = emit.sqrt(emit.add(variance, this.epsilon))
    let change = emit.div(emit.mul(gradient, learningRate), deviation)
    if (this.momentum > 0) {
      change = emit.add(emit.mul(slots[1], this.momentum), change)
      state.push(change)
    }
    if (average) state.push(average)
    return { weight: emit.sub(weight, change), slots: state }
  }

  protected config(): KerasConfig {
    return { rho: this.rho, momentum: this.momentum, epsilon: this.epsilon, centered: this.centered }
  }
}

export interface AdagradOptions extends OptimizerOptions {
  readonly initialAccumulatorValue?: number
  readonly epsilon?: number
}

/** Duchi et al., 2011. */
export class Adagrad extends Optimizer {
  readonly className = 'Adagrad'
  readonly epsilon: number
  readonly slots

  constructor(options: AdagradOptions = {}) {
    super(options, 0.001)
    this.epsilon = options.epsilon ?? 1e-7
    this.slots = [{ name: 'accumulator', initial: options.initialAccumulatorValue ?? 0.1 }]
  }

  update({ emit, weight, gradient, slots, rate }: UpdateContext): UpdateResult {
    const inputs = [weight, gradient, slots[0], rate('learning_rate')]
    const [next, ...state] = emit.emit('lanewise.AdagradUpdate', inputs, { epsilon: this.epsilon }, 2)
    return { weight: next, slots: state }
  }

  protected config(): KerasConfig {
    return { initial_accumulator_value: this.slots[0].initial, epsilon: this.epsilon }
  }
}

/** Optimizers by their names in camelCase. */
export const optimizers = {
  sgd: (options?: SGDOptions) => new SGD(options),
  adam: (options?: AdamOptions) => new Adam(options),
  adamW: (options?: AdamOptions) => new AdamW(options),
  adamax: (options?: AdamaxOptions) => new Adamax(options),
  rmsprop: (options?: RMSpropOptions) => new RMSprop(options),
  adagrad: (options?: AdagradOptions) => new Adagrad(options),
} as const

const table: Readonly<Record<string, new (options: never) => Optimizer>> = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
  adamax: Adamax,
  rmsprop: RMSprop,
  adagrad: Adagrad,
}

/** A name, an Optimizer, or Keras's serialised form. */
export type OptimizerLike = string | Optimizer | KerasObject

/** Resolves a name or a serialised optimizer. Throws INVALID_ARGUMENT. */
export function resolveOptimizer(like: OptimizerLike): Optimizer {
  if (like instanceof Optimizer) return like
  const [name, config] = isKerasObject(like) ? [like.class_name, like.config] : [like, {}]
  const type = lookUp(table, name.toLowerCase(), 'optimizer')
  if (config.use_ema) throw invalid(`optimizer '${name}': use_ema is not supported`)
  return new type(camelKeys(config) as never)
}
