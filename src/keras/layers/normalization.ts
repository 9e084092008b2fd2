import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { KerasConfig } from '../config.js'
import { type ConstraintLike, resolveConstraint } from '../constraints.js'
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js'
import { type RegularizerLike, resolveRegularizer } from '../regularizers.js'
import type { CallContext } from './context.js'
import { type KerasShape, knownDim, Layer, type LayerOptions } from './layer.js'
import type { Weight } from './weight.js'

export interface RescalingOptions extends LayerOptions {
  readonly scale: number | readonly number[]
  readonly offset?: number | readonly number[]
}

/** x * scale + offset. */
export class Rescaling extends Layer {
  readonly className = 'Rescaling'
  readonly scale: number | readonly number[]
  readonly offset: number | readonly number[]

  constructor(options: RescalingOptions) {
    super(options)
    this.scale = options.scale
    this.offset = options.offset ?? 0
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const operand = (value: number | readonly number[]) =>
      typeof value === 'number' ? value : emit.constant(new Tensor('float32', value, [value.length]))
    const scaled = emit.mul(emit.cast(x, 'float32'), operand(this.scale))
    return this.offset === 0 ? scaled : emit.add(scaled, operand(this.offset))
  }

  protected config(): KerasConfig {
    return { scale: this.scale, offset: this.offset }
  }
}

export interface BatchNormalizationOptions extends LayerOptions {
  readonly axis?: number
  readonly momentum?: number
  readonly epsilon?: number
  readonly center?: boolean
  readonly scale?: boolean
  readonly betaInitializer?: InitializerLike
  readonly gammaInitializer?: InitializerLike
  readonly movingMeanInitializer?: InitializerLike
  readonly movingVarianceInitializer?: InitializerLike
  readonly betaRegularizer?: RegularizerLike | null
  readonly gammaRegularizer?: RegularizerLike | null
  readonly betaConstraint?: ConstraintLike | null
  readonly gammaConstraint?: ConstraintLike | null
}

/**
 * Ioffe and Szegedy, 2015. While training it normalises by the batch's mean and (biased) variance and moves the
 * statistics towards them; else, and when the layer is frozen, it normalises by the statistics.
 */
export class BatchNormalization extends Layer {
  readonly className = 'BatchNormalization'
  readonly axis: number
  readonly momentum: number
  readonly epsilon: number
  readonly #options: BatchNormalizationOptions
  readonly #initializers: Readonly<Record<'gamma' | 'beta' | 'moving_mean' | 'moving_variance', Initializer>>
  #gamma: Weight | undefined
  #beta: Weight | undefined
  #mean: Weight | undefined
  #variance: Weight | undefined

  constructor(options: BatchNormalizationOptions = {}) {
    super(options)
    this.axis = options.axis ?? -1
    this.momentum = options.momentum ?? 0.99
    this.epsilon = options.epsilon ?? 1e-3
    this.#options = options
    this.#initializers = {
      gamma: resolveInitializer(options.gammaInitializer ?? 'ones'),
      beta: resolveInitializer(options.betaInitializer ?? 'zeros'),
      moving_mean: resolveInitializer(options.movingMeanInitializer ?? 'zeros'),
      moving_variance: resolveInitializer(options.movingVarianceInitializer ?? 'ones'),
    }
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const size = [knownDim(this, shape, this.axis)]
    const { gamma, beta, moving_mean, moving_variance } = this.#initializers
    if (this.#options.scale ?? true)
      this.#gamma = this.addWeight('gamma', size, {
        initializer: gamma,
        regularizer: resolveRegularizer(this.#options.gammaRegularizer),
        constraint: resolveConstraint(this.#options.gammaConstraint),
      })
    if (this.#options.center ?? true)
      this.#beta = this.addWeight('beta', size, {
        initializer: beta,
        regularizer: resolveRegularizer(this.#options.betaRegularizer),
        constraint: resolveConstraint(this.#options.betaConstraint),
      })
    this.#mean = this.addWeight('moving_mean', size, { initializer: moving_mean, trainable: false })
    this.#variance = this.addWeight('moving_variance', size, { initializer: moving_variance, trainable: false })
  }

  call([x]: readonly Value[], context: CallContext): Value {
    const { emit } = context
    const axis = normalizeAxis(this.axis, x.shape.length)
    const others = x.shape.map((_, i) => i).filter((i) => i !== axis)
    const size = x.shape[axis] as number
    const spread = x.shape.map((_, i) => (i === axis ? size : 1))
    const across = (value: Value) => (axis === x.shape.length - 1 ? value : emit.reshape(value, spread))
    const movingMean = emit.variable(this.#mean!)
    const movingVariance = emit.variable(this.#variance!)
    let mean = movingMean
    let variance = movingVariance
    if (context.training && this.trainable) {
      mean = emit.mean(x, others)
      variance = emit.mean(emit.square(emit.sub(x, across(mean))), others)
      const move = (weight: Weight, from: Value, to: Value) =>
        context.update(weight, emit.add(emit.mul(from, this.momentum), emit.mul(to, 1 - this.momentum)))
      move(this.#mean!, movingMean, mean)
      move(this.#variance!, movingVariance, variance)
    }
    const deviation = emit.sqrt(emit.add(variance, this.epsilon))
    const gain = this.#gamma ? emit.div(emit.variable(this.#gamma), deviation) : emit.div(1, deviation)
    const normalized = emit.mul(emit.sub(x, across(mean)), across(gain))
    return this.#beta ? emit.add(normalized, across(emit.variable(this.#beta))) : normalized
  }

  protected config(): KerasConfig {
    const { gamma, beta, moving_mean, moving_variance } = this.#initializers
    return {
      axis: this.axis,
      momentum: this.momentum,
      epsilon: this.epsilon,
      center: this.#options.center ?? true,
      scale: this.#options.scale ?? true,
      beta_initializer: beta.serialize(),
      gamma_initializer: gamma.serialize(),
      moving_mean_initializer: moving_mean.serialize(),
      moving_variance_initializer: moving_variance.serialize(),
      beta_regularizer: resolveRegularizer(this.#options.betaRegularizer)?.serialize() ?? null,
      gamma_regularizer: resolveRegularizer(this.#options.gammaRegularizer)?.serialize() ?? null,
      beta_constraint: resolveConstraint(this.#options.betaConstraint)?.serialize() ?? null,
      gamma_constraint: resolveConstraint(this.#options.gammaConstraint)?.serialize() ?? null,
      synchronized: false,
    }
  }
}
