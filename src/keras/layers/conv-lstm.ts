import type { Value } from '../../core/ir.js'
import { split } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { Cell, forgetBias, lstmCellFields, lstmStep, type StateShapes, statesOf } from './cells.js'
import type { CallContext } from './context.js'
import { kernelToFirst } from './convolution.js'
import { choice, dataFormat, neededCount, neededSizes, regularizer, sizes, type ValuesOf } from './fields.js'
import type { CallArguments, LayerOptions } from './layer.js'
import { loopFields, Recurrent } from './recurrent.js'
import { type KerasShape, knownDim, requireRank } from './shapes.js'
import { paddingAttributes, toChannelsFirst, toChannelsLast } from './windows.js'

const { units: _, ...sharedFields } = lstmCellFields

const cellFields = {
  filters: neededCount,
  kernelSize: neededSizes,
  strides: sizes(1),
  padding: choice(['valid', 'same'], 'valid'),
  dataFormat,
  dilationRate: sizes(1),
  ...sharedFields,
}

/** An LSTM cell with convolutions in place of products (Shi et al., 2015). */
class ConvLSTMCell extends Cell<ValuesOf<typeof cellFields>> {
  static override readonly fields = cellFields

  override stateShapes(shape: KerasShape): StateShapes {
    const { filters, kernelSize, strides, dilationRate, padding, dataFormat } = this.options
    const plane = kernelSize.map((size, i) => {
      const from = knownDim(this, shape, i + (dataFormat ? 1 : 2))
      const extent = padding === 'same' ? 1 : (size - 1) * dilationRate[i] + 1
      return Math.floor((from - extent) / strides[i]) + 1
    })
    const state = dataFormat ? [...plane, filters] : [filters, ...plane]
    return [state, state]
  }

  protected override build([shape]: readonly KerasShape[]): void {
    requireRank(this, shape, this.rank + 2)
    const { filters, kernelSize, useBias, unitForgetBias, biasInitializer, dataFormat } = this.options
    this.addOwn('kernel', [...kernelSize, knownDim(this, shape, dataFormat ? -1 : 1), 4 * filters])
    this.addOwn('recurrent_kernel', [...kernelSize, filters, 4 * filters], 'recurrent')
    const { biasRegularizer, biasConstraint } = this.options
    if (useBias)
      this.addWeight('bias', [4 * filters], {
        initializer: unitForgetBias ? forgetBias(biasInitializer, filters) : biasInitializer,
        regularizer: biasRegularizer,
        constraint: biasConstraint,
      })
  }

  /** Conv of a channels-first x with a kernel in Keras's order. */
  #convolve(emit: Emitter, x: Value, kernel: Value, bias: Value | undefined, isInput: boolean): Value {
    const { kernelSize, strides, dilationRate, padding } = this.options
    const ones = kernelSize.map(() => 1)
    const [steps, dilations] = isInput ? [strides, dilationRate] : [ones, ones]
    return emit.op('Conv', [x, kernelToFirst(kernel, this.rank, emit), bias], {
      kernel_shape: kernelSize,
      strides: steps,
      dilations,
      ...paddingAttributes(isInput ? padding : 'same', x.shape.slice(2), kernelSize, steps, dilations),
    })
  }

  call([x]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const { filters, dropout, recurrentDropout, activation, recurrentActivation, dataFormat } = this.options
    const [h, c] = statesOf(args)
    const [kernel, recurrent, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const first = (value: Value) => (dataFormat ? emit.transpose(value, toChannelsFirst(this.rank)) : value)
    const sum = emit.add(
      this.#convolve(emit, first(this.drop(x, dropout, context, 'x')), kernel, bias, true),
      this.#convolve(emit, first(this.drop(h, recurrentDropout, context, 'h')), recurrent, undefined, false),
    )
    const states = lstmStep(
      emit,
      split(emit, sum, 1, [filters, filters, filters, filters]),
      first(c),
      (value) => recurrentActivation.function(value, emit),
      (value) => activation.function(value, emit),
    )
    return dataFormat ? states.map((state) => emit.transpose(state, toChannelsLast(this.rank))) : states
  }
}

const convLstmFields = { ...loopFields, ...cellFields, activityRegularizer: regularizer }

/** A convolutional LSTM over sequences of images (batch, steps, …, channels), of lines or of volumes. */
export class ConvLSTM extends Recurrent<ValuesOf<typeof convLstmFields>> {
  static override readonly fields = convLstmFields
  protected readonly cell: Cell

  constructor(options: LayerOptions, className?: string, rank = 2) {
    super(options, className, rank)
    const own = Object.fromEntries(Object.entries(options).filter(([key]) => Object.hasOwn(cellFields, key)))
    this.cell = new ConvLSTMCell(own, 'ConvLSTMCell', rank)
  }

  protected override build(shapes: readonly KerasShape[]): void {
    requireRank(this, shapes[0], this.rank + 3)
    super.build(shapes)
  }
}
