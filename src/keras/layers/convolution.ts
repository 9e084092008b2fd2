import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { convTranspose } from '../../ops/conv-transpose.js'
import type { Emitter } from '../../ops/emitter.js'
import { declareOperators } from '../../ops/index.js'
import type { CallContext } from './context.js'
import { kernelFields } from './core.js'
import {
  any,
  choice,
  constraint,
  count,
  dataFormat,
  initializer,
  neededCount,
  neededSizes,
  type OptionsOf,
  regularizer,
  sizes,
  type ValuesOf,
} from './fields.js'
import { Layer, type LayerOptions } from './layer.js'
import { type KerasShape, knownDim, layerError, requireRank } from './shapes.js'
import { axesUpTo, paddingAttributes, toChannelsFirst, toChannelsLast } from './windows.js'

const windowFields = {
  kernelSize: neededSizes,
  strides: sizes(1),
  padding: choice(['valid', 'same', 'causal'], 'valid'),
  dataFormat,
  dilationRate: sizes(1),
}
const convFields = {
  filters: neededCount,
  ...windowFields,
  groups: count(1),
  ...kernelFields,
  activityRegularizer: regularizer,
}

type WindowValues = ValuesOf<typeof windowFields & typeof kernelFields>

/** What the convolution layers share: the window, and the way through ONNX's channels-first Conv. */
abstract class Convolution<V extends WindowValues> extends Layer<V> {
  constructor(options: LayerOptions, className?: string, rank = 2) {
    super(options, className, rank)
    if (this.options.padding === 'causal' && (rank !== 1 || !this.mayBeCausal))
      throw new LanewiseError('INVALID_ARGUMENT', `${this.className}: padding must be one of valid, same, got 'causal'`)
  }

  protected get mayBeCausal(): boolean {
    return true
  }

  protected channelsOf(shape: KerasShape): number {
    requireRank(this, shape, this.rank + 2)
    return knownDim(this, shape, this.options.dataFormat ? -1 : 1)
  }

  /** `write` on the channels-first form of x, then the activation. */
  protected withChannelsFirst(x: Value, emit: Emitter, write: (x: Value) => Value): Value {
    const { dataFormat: last, activation } = this.options
    const y = write(last ? emit.transpose(x, toChannelsFirst(this.rank)) : x)
    return activation.function(last ? emit.transpose(y, toChannelsLast(this.rank)) : y, emit)
  }

  /** Conv of a channels-first x with an OI… weight, under this layer's window. */
  protected convolve(x: Value, weight: Value, bias: Value | undefined, group: number, emit: Emitter): Value {
    const { kernelSize, strides, dilationRate, padding } = this.options
    return emit.op('Conv', [x, weight, bias], {
      kernel_shape: kernelSize,
      strides,
      dilations: dilationRate,
      group,
      ...paddingAttributes(padding, x.shape.slice(2), kernelSize, strides, dilationRate),
    })
  }
}

/** HWIO to OIHW, in any number of axes. */
export const kernelToFirst = (kernel: Value, rank: number, emit: Emitter): Value =>
  emit.transpose(kernel, [rank + 1, rank, ...axesUpTo(rank)])

/** Convolution over `rank` axes, [batch, …, channels]; in one dimension, padding may be `causal`. */
export class Conv extends Convolution<ValuesOf<typeof convFields>> {
  static override readonly fields = convFields

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    const { filters, groups, kernelSize, useBias } = this.options
    if (channels % groups !== 0 || filters % groups !== 0)
      throw layerError(
        this,
        `${channels} input channels and ${filters} filters must be multiples of groups ${groups}`,
        'SHAPE_MISMATCH',
      )
    this.addOwn('kernel', [...kernelSize, channels / groups, filters])
    if (useBias) this.addOwn('bias', [filters])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const weight = kernelToFirst(kernel, this.rank, emit)
    return this.withChannelsFirst(x, emit, (x) => this.convolve(x, weight, bias, this.options.groups, emit))
  }
}

const { groups: __, ...transposeBase } = convFields
const transposeFields = { ...transposeBase, outputPadding: any<number | readonly number[] | null>(null) }

/** The transpose of a convolution: `strides` times as many outputs, each input spread over a window. */
export class ConvTranspose extends Convolution<ValuesOf<typeof transposeFields>> {
  static override readonly fields = transposeFields

  protected override get mayBeCausal(): boolean {
    return false
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    const { filters, kernelSize, useBias } = this.options
    this.addOwn('kernel', [...kernelSize, filters, channels])
    if (useBias) this.addOwn('bias', [filters])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const { kernelSize, strides, dilationRate, padding, outputPadding } = this.options
    const { rank } = this
    // What the whole product has too much at the ends of each axis; negative: too little.
    const excess = kernelSize.map((size, axis) => {
      const extent = (size - 1) * dilationRate[axis] + 1
      const given = typeof outputPadding === 'number' ? outputPadding : outputPadding?.[axis]
      if (given !== undefined) return (padding === 'same' ? 2 * (extent >> 1) : 0) - given
      return padding === 'same' ? extent - strides[axis] : Math.min(0, extent - strides[axis])
    })
    const cut = excess.map((total) => Math.max(0, total))
    const weight = emit.transpose(kernel, [rank + 1, rank, ...axesUpTo(rank)])
    declareOperators(convTranspose)
    return this.withChannelsFirst(x, emit, (x) =>
      emit.op('ConvTranspose', [x, weight, bias], {
        kernel_shape: kernelSize,
        strides,
        dilations: dilationRate,
        pads: [...cut.map((total) => total >> 1), ...cut.map((total) => total - (total >> 1))],
        output_padding: excess.map((total) => Math.max(0, -total)),
      }),
    )
  }
}

const depthwiseFields = {
  depthMultiplier: count(1),
  ...windowFields,
  activation: kernelFields.activation,
  useBias: kernelFields.useBias,
  depthwiseInitializer: initializer('glorotUniform'),
  biasInitializer: kernelFields.biasInitializer,
  depthwiseRegularizer: regularizer,
  biasRegularizer: regularizer,
  activityRegularizer: regularizer,
  depthwiseConstraint: constraint,
  biasConstraint: constraint,
}

/** [k…, C, M] to ONNX's grouped weight [C * M, 1, k…]. */
const depthwiseWeight = (kernel: Value, rank: number, emit: Emitter): Value => {
  const shape = kernel.shape as readonly number[]
  const ordered = emit.transpose(kernel, [rank, rank + 1, ...axesUpTo(rank)])
  return emit.reshape(ordered, [shape[rank] * shape[rank + 1], 1, ...shape.slice(0, rank)])
}

/** Each input channel convolved with `depthMultiplier` filters of its own. */
export class DepthwiseConv extends Convolution<WindowValues & ValuesOf<typeof depthwiseFields>> {
  static override readonly fields = depthwiseFields

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    const { kernelSize, depthMultiplier, useBias } = this.options
    this.addOwn('kernel', [...kernelSize, channels, depthMultiplier], 'depthwise')
    if (useBias) this.addOwn('bias', [channels * depthMultiplier])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const weight = depthwiseWeight(kernel, this.rank, emit)
    const channels = kernel.shape[this.rank] as number
    return this.withChannelsFirst(x, emit, (x) => this.convolve(x, weight, bias, channels, emit))
  }
}
export type DepthwiseOptions = OptionsOf<typeof depthwiseFields>

const separableFields = {
  filters: neededCount,
  ...depthwiseFields,
  pointwiseInitializer: initializer('glorotUniform'),
  pointwiseRegularizer: regularizer,
  pointwiseConstraint: constraint,
}
export type SeparableOptions = OptionsOf<typeof separableFields>

/** A depthwise convolution, then a 1x1 convolution that mixes the channels. */
export class SeparableConv extends Convolution<WindowValues & ValuesOf<typeof separableFields>> {
  static override readonly fields = separableFields

  protected override build([shape]: readonly KerasShape[]): void {
    const channels = this.channelsOf(shape)
    const { kernelSize, depthMultiplier, filters, useBias } = this.options
    this.addOwn('depthwise_kernel', [...kernelSize, channels, depthMultiplier], 'depthwise')
    const ones = kernelSize.map(() => 1)
    this.addOwn('pointwise_kernel', [...ones, channels * depthMultiplier, filters], 'pointwise')
    if (useBias) this.addOwn('bias', [filters])
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [depthwise, pointwise, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const { rank } = this
    const channels = depthwise.shape[rank] as number
    return this.withChannelsFirst(x, emit, (x) => {
      const between = this.convolve(x, depthwiseWeight(depthwise, rank, emit), undefined, channels, emit)
      return emit.op('Conv', [between, kernelToFirst(pointwise, rank, emit), bias], {
        kernel_shape: this.options.kernelSize.map(() => 1),
      })
    })
  }
}
