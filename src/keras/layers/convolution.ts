import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import type { Emitter } from '../../ops/emitter.js'
import { type KerasConfig, positiveInteger, tuple } from '../config.js'
import type { Constraint, ConstraintLike } from '../constraints.js'
import { resolveConstraint } from '../constraints.js'
import { type Initializer, type InitializerLike, resolveInitializer } from '../initializers.js'
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js'
import type { CallContext } from './context.js'
import { KernelLayer, type KernelOptions } from './core.js'
import { type KerasShape, knownDim, requireRank } from './layer.js'
import {
  checkPadding,
  type DataFormat,
  dataFormatConfig,
  isChannelsLast,
  type Padding,
  paddingAttributes,
  toChannelsFirst,
  toChannelsLast,
} from './windows.js'

interface WindowOptions extends KernelOptions {
  readonly kernelSize: number | readonly number[]
  readonly strides?: number | readonly number[]
  readonly padding?: Padding
  readonly dataFormat?: DataFormat
  readonly dilationRate?: number | readonly number[]
}

export interface ConvOptions extends WindowOptions {
  readonly filters: number
  readonly groups?: number
}

/** What the convolution layers share: the window, and the way through ONNX's channels-first Conv. */
abstract class Convolution extends KernelLayer {
  readonly kernelSize: readonly number[]
  readonly strides: readonly number[]
  readonly padding: Padding
  readonly dilationRate: readonly number[]
  readonly channelsLast: boolean
  protected readonly rank: number

  constructor(rank: number, options: WindowOptions) {
    super(options)
    this.rank = rank
    this.kernelSize = tuple(options.kernelSize, rank, 'kernelSize')
    this.strides = tuple(options.strides ?? 1, rank, 'strides')
    this.dilationRate = tuple(options.dilationRate ?? 1, rank, 'dilationRate')
    this.padding = checkPadding(options.padding, rank === 1 ? ['valid', 'same', 'causal'] : undefined)
    this.channelsLast = isChannelsLast(options.dataFormat)
  }

  protected channelsOf(shape: KerasShape): number {
    requireRank(this, shape, this.rank + 2)
    return knownDim(this, shape, this.channelsLast ? -1 : 1)
  }

  protected toFirst(x: Value, emit: Emitter): Value {
    return this.channelsLast ? emit.transpose(x, toChannelsFirst(this.rank)) : x
  }

  protected fromFirst(x: Value, emit: Emitter): Value {
    return this.channelsLast ? emit.transpose(x, toChannelsLast(this.rank)) : x
  }

  /** Conv of a channels-first x with an OI… weight, under this layer's window. */
  protected convolve(x: Value, weight: Value, bias: Value | undefined, group: number, emit: Emitter): Value {
    return emit.op('Conv', [x, weight, bias], {
      kernel_shape: this.kernelSize,
      strides: this.strides,
      dilations: this.dilationRate,
      group,
      ...paddingAttributes(this.padding, x.shape.slice(2), this.kernelSize, this.strides, this.dilationRate),
    })
  }

  protected windowConfig(): KerasConfig {
    return {
      kernel_size: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      ...dataFormatConfig(this.channelsLast),
      dilation_rate: this.dilationRate,
    }
  }
}

/** HWIO to OIHW. */
const kernelToFirst = (kernel: Value, rank: number, emit: Emitter): Value =>
  emit.transpose(kernel, [rank + 1, rank, ...Array.from({ length: rank }, (_, i) => i)])

abstract class Conv extends Convolution {
  readonly filters: number
  readonly groups: number

  constructor(rank: number, options: ConvOptions) {
    super(rank, options)
    this.filters = positiveInteger(options.filters, 'filters')
    this.groups = positiveInteger(options.groups ?? 1, 'groups')
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    if (channels % this.groups !== 0 || this.filters % this.groups !== 0)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `layer '${this.name}': ${channels} input channels and ${this.filters} filters must be multiples of groups ${this.groups}`,
      )
    this.addKernel([...this.kernelSize, channels / this.groups, this.filters])
    if (this.useBias) this.addBias(this.filters)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const weight = kernelToFirst(kernel, this.rank, emit)
    const y = this.convolve(this.toFirst(x, emit), weight, bias, this.groups, emit)
    return this.activation(this.fromFirst(y, emit), emit)
  }

  protected config(): KerasConfig {
    return {
      filters: this.filters,
      ...this.windowConfig(),
      groups: this.groups,
      activity_regularizer: null,
      ...this.kernelConfig(),
    }
  }
}

/** 1-D convolution over [batch, steps, channels]; padding may be `causal`. */
export class Conv1D extends Conv {
  readonly className = 'Conv1D'
  constructor(options: ConvOptions) {
    super(1, options)
  }
}

/** 2-D convolution over [batch, rows, columns, channels]. */
export class Conv2D extends Conv {
  readonly className = 'Conv2D'
  constructor(options: ConvOptions) {
    super(2, options)
  }
}

export interface DepthwiseOptions
  extends Omit<WindowOptions, 'kernelInitializer' | 'kernelRegularizer' | 'kernelConstraint'> {
  readonly depthMultiplier?: number
  readonly depthwiseInitializer?: InitializerLike
  readonly depthwiseRegularizer?: RegularizerLike | null
  readonly depthwiseConstraint?: ConstraintLike | null
}

export type DepthwiseConv2DOptions = DepthwiseOptions

const depthwiseAsKernel = (options: DepthwiseOptions): WindowOptions => ({
  ...options,
  kernelInitializer: options.depthwiseInitializer,
  kernelRegularizer: options.depthwiseRegularizer,
  kernelConstraint: options.depthwiseConstraint,
})

/** [kh, kw, C, M] to ONNX's grouped weight [C * M, 1, kh, kw]. */
const depthwiseWeight = (kernel: Value, emit: Emitter): Value => {
  const [rows, columns, channels, multiplier] = kernel.shape as readonly number[]
  return emit.reshape(emit.transpose(kernel, [2, 3, 0, 1]), [channels * multiplier, 1, rows, columns])
}

/** Each input channel convolved with `depthMultiplier` filters of its own. */
export class DepthwiseConv2D extends Convolution {
  readonly className = 'DepthwiseConv2D'
  readonly depthMultiplier: number

  constructor(options: DepthwiseConv2DOptions) {
    super(2, depthwiseAsKernel(options))
    this.depthMultiplier = options.depthMultiplier ?? 1
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    this.addKernel([...this.kernelSize, channels, this.depthMultiplier])
    if (this.useBias) this.addBias(channels * this.depthMultiplier)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const channels = kernel.shape[2] as number
    const y = this.convolve(this.toFirst(x, emit), depthwiseWeight(kernel, emit), bias, channels, emit)
    return this.activation(this.fromFirst(y, emit), emit)
  }

  protected config(): KerasConfig {
    return { depth_multiplier: this.depthMultiplier, ...this.windowConfig(), ...this.kernelConfig('depthwise') }
  }
}

export interface SeparableConv2DOptions extends DepthwiseOptions {
  readonly filters: number
  readonly pointwiseInitializer?: InitializerLike
  readonly pointwiseRegularizer?: RegularizerLike | null
  readonly pointwiseConstraint?: ConstraintLike | null
}

/** A depthwise convolution, then a 1x1 convolution that mixes the channels. */
export class SeparableConv2D extends Convolution {
  readonly className = 'SeparableConv2D'
  readonly filters: number
  readonly depthMultiplier: number
  readonly #pointwiseInitializer: Initializer
  readonly #pointwiseRegularizer: Regularizer | undefined
  readonly #pointwiseConstraint: Constraint | undefined

  constructor(options: SeparableConv2DOptions) {
    super(2, depthwiseAsKernel(options))
    this.filters = positiveInteger(options.filters, 'filters')
    this.depthMultiplier = options.depthMultiplier ?? 1
    this.#pointwiseInitializer = resolveInitializer(options.pointwiseInitializer ?? 'glorotUniform')
    this.#pointwiseRegularizer = resolveRegularizer(options.pointwiseRegularizer)
    this.#pointwiseConstraint = resolveConstraint(options.pointwiseConstraint)
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    this.addKernel([...this.kernelSize, channels, this.depthMultiplier], 'depthwise_kernel')
    this.addWeight('pointwise_kernel', [1, 1, channels * this.depthMultiplier, this.filters], {
      initializer: this.#pointwiseInitializer,
      regularizer: this.#pointwiseRegularizer,
      constraint: this.#pointwiseConstraint,
    })
    if (this.useBias) this.addBias(this.filters)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [depthwise, pointwise, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const channels = depthwise.shape[2] as number
    const between = this.convolve(this.toFirst(x, emit), depthwiseWeight(depthwise, emit), undefined, channels, emit)
    const y = emit.op('Conv', [between, kernelToFirst(pointwise, 2, emit), bias], { kernel_shape: [1, 1] })
    return this.activation(this.fromFirst(y, emit), emit)
  }

  protected config(): KerasConfig {
    return {
      filters: this.filters,
      depth_multiplier: this.depthMultiplier,
      ...this.windowConfig(),
      ...this.kernelConfig('depthwise'),
      pointwise_initializer: this.#pointwiseInitializer.serialize(),
      pointwise_regularizer: this.#pointwiseRegularizer?.serialize() ?? null,
      pointwise_constraint: this.#pointwiseConstraint?.serialize() ?? null,
    }
  }
}
