import type { Value } from '../../core/ir.js'
import { type ActivationFunction, resolveActivation } from '../activations.js'
import { type KerasConfig, snakeCase } from '../config.js'
import type { CallContext } from './context.js'
import { Layer, type LayerOptions } from './layer.js'

export interface ActivationOptions extends LayerOptions {
  readonly activation: string
}

/** An activation by its name. */
export class Activation extends Layer {
  readonly className = 'Activation'
  readonly activationName: string
  readonly #activation: ActivationFunction

  constructor(options: ActivationOptions) {
    super(options)
    this.activationName = snakeCase(options.activation)
    this.#activation = resolveActivation(options.activation)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return this.#activation(x, emit)
  }

  protected config(): KerasConfig {
    return { activation: this.activationName }
  }
}

export interface ReLUOptions extends LayerOptions {
  readonly maxValue?: number | null
  readonly negativeSlope?: number
  readonly threshold?: number
}

/** max(x, 0), with an upper limit, a slope below the threshold, and a threshold. */
export class ReLU extends Layer {
  readonly className = 'ReLU'
  readonly maxValue: number | null
  readonly negativeSlope: number
  readonly threshold: number

  constructor(options: ReLUOptions = {}) {
    super(options)
    this.maxValue = options.maxValue ?? null
    this.negativeSlope = options.negativeSlope ?? 0
    this.threshold = options.threshold ?? 0
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const { maxValue, negativeSlope, threshold } = this
    let y: Value
    if (threshold !== 0) y = emit.where(emit.greater(x, threshold), x, emit.mul(emit.sub(x, threshold), negativeSlope))
    else if (negativeSlope !== 0) y = emit.op('LeakyRelu', [x], { alpha: negativeSlope })
    else return maxValue === null ? emit.relu(x) : emit.clip(x, 0, maxValue)
    return maxValue === null ? y : emit.minimum(y, maxValue)
  }

  protected config(): KerasConfig {
    return { max_value: this.maxValue, negative_slope: this.negativeSlope, threshold: this.threshold }
  }
}

export interface LeakyReLUOptions extends LayerOptions {
  /** 0.3 unless given. */
  readonly negativeSlope?: number
}

export class LeakyReLU extends Layer {
  readonly className = 'LeakyReLU'
  readonly negativeSlope: number

  constructor(options: LeakyReLUOptions = {}) {
    super(options)
    this.negativeSlope = options.negativeSlope ?? 0.3
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.op('LeakyRelu', [x], { alpha: this.negativeSlope })
  }

  protected config(): KerasConfig {
    return { negative_slope: this.negativeSlope }
  }
}

export interface ELUOptions extends LayerOptions {
  readonly alpha?: number
}

export class ELU extends Layer {
  readonly className = 'ELU'
  readonly alpha: number

  constructor(options: ELUOptions = {}) {
    super(options)
    this.alpha = options.alpha ?? 1
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.op('Elu', [x], { alpha: this.alpha })
  }

  protected config(): KerasConfig {
    return { alpha: this.alpha }
  }
}

export interface SoftmaxOptions extends LayerOptions {
  readonly axis?: number
}

export class Softmax extends Layer {
  readonly className = 'Softmax'
  readonly axis: number

  constructor(options: SoftmaxOptions = {}) {
    super(options)
    this.axis = options.axis ?? -1
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    return emit.softmax(x, this.axis)
  }

  protected config(): KerasConfig {
    return { axis: this.axis }
  }
}
