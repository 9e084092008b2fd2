import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { split, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { declareOperators } from '../../ops/index.js'
import { recurrent as recurrentOps } from '../../ops/recurrent.js'
import { invalid } from '../config.js'
import { Initializer } from '../initializers.js'
import type { CallContext } from './context.js'
import {
  activation,
  constraint,
  flag,
  initializer,
  neededCount,
  regularizer,
  seed,
  share,
  type ValuesOf,
} from './fields.js'
import { type CallArguments, Layer } from './layer.js'
import { type LayerLike, layerFactory, readLayer } from './registry.js'
import { dropout } from './regularization.js'
import { type KerasShape, knownDim } from './shapes.js'

/** Shape of each state of a cell, without the batch axis. */
export type StateShapes = readonly (readonly number[])[]

/** What one op over a whole sequence gives. */
export interface Sequence {
  /** [batch, steps, units], in the order of time. */
  readonly outputs: Value
  /** The states after the last step. */
  readonly states: readonly Value[]
}

/** A layer that takes one step: from inputs [batch, …] and `states` to the output and the new states. */
export abstract class Cell<V extends object = object> extends Layer<V> {
  /** The states' shapes for inputs of this shape. */
  abstract stateShapes(inputShape: KerasShape): StateShapes

  /** Masks of the dropout that all steps of a sequence share. */
  protected noise: Map<string, Value> | undefined

  override get signature(): readonly string[] {
    return ['inputs', 'states']
  }

  /** Runs `write`, whose steps share their dropout. */
  sequence<T>(write: () => T): T {
    this.noise = new Map()
    try {
      return write()
    } finally {
      this.noise = undefined
    }
  }

  /** The whole sequence as one ONNX op, where there is one for it. */
  wholeSequence(
    _x: Value,
    _states: readonly Value[] | undefined,
    _reverse: boolean,
    _: CallContext,
  ): Sequence | undefined {
    return undefined
  }

  abstract override call(inputs: readonly Value[], context: CallContext, args: CallArguments): readonly Value[]

  /** Dropout of x, the same in all steps. */
  protected drop(x: Value, rate: number, context: CallContext, key: string): Value {
    if (!context.training || rate === 0) return x
    const { emit } = context
    const ones = () => emit.add(emit.mul(x, 0), 1)
    const mask = this.noise?.get(key) ?? dropout(context, ones(), rate, null)
    this.noise?.set(key, mask)
    return emit.mul(x, mask)
  }
}

export const statesOf = (args: CallArguments): readonly Value[] =>
  (Array.isArray(args.states) ? args.states : [args.states]) as readonly Value[]

const weightFields = {
  useBias: flag(true),
  kernelInitializer: initializer('glorotUniform'),
  recurrentInitializer: initializer('orthogonal'),
  biasInitializer: initializer('zeros'),
}
const penaltyFields = {
  kernelRegularizer: regularizer,
  recurrentRegularizer: regularizer,
  biasRegularizer: regularizer,
  kernelConstraint: constraint,
  recurrentConstraint: constraint,
  biasConstraint: constraint,
  dropout: share,
  recurrentDropout: share,
  seed,
}
export const simpleCellFields = {
  units: neededCount,
  activation: activation('tanh'),
  ...weightFields,
  ...penaltyFields,
}
const gatedFields = { units: neededCount, activation: activation('tanh'), recurrentActivation: activation('sigmoid') }
export const gruCellFields = { ...gatedFields, ...weightFields, ...penaltyFields, resetAfter: flag(true) }
export const lstmCellFields = { ...gatedFields, ...weightFields, unitForgetBias: flag(true), ...penaltyFields }

/** Names of ONNX's activations without parameters. */
const onnxActivations: Readonly<Record<string, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  relu: 'Relu',
  softsign: 'Softsign',
  softplus: 'Softplus',
}

/** A cell with dense weights: kernel [input, gates * units], recurrent_kernel [units, gates * units], bias. */
abstract class DenseCell<V extends ValuesOf<typeof simpleCellFields>> extends Cell<V> {
  protected abstract readonly gates: number
  protected abstract readonly op: string

  stateShapes(): StateShapes {
    return [[this.options.units]]
  }

  protected get biasShape(): readonly number[] {
    return [this.gates * this.options.units]
  }

  protected get biasStart(): Initializer {
    return this.options.biasInitializer
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const width = this.gates * this.options.units
    this.addOwn('kernel', [knownDim(this, shape, -1), width])
    this.addOwn('recurrent_kernel', [this.options.units, width], 'recurrent')
    const { useBias, biasRegularizer, biasConstraint } = this.options
    if (useBias)
      this.addWeight('bias', this.biasShape, {
        initializer: this.biasStart,
        regularizer: biasRegularizer,
        constraint: biasConstraint,
      })
  }

  /** The parts of a weight, one a gate, in ONNX's order. */
  protected reorder(_: Emitter, weight: Value): Value {
    return weight
  }

  /** ONNX's bias [2 * gates * units] of Keras's. */
  protected onnxBias(emit: Emitter, bias: Value): Value {
    const ordered = this.reorder(emit, bias)
    return emit.concat([ordered, emit.mul(ordered, 0)], 0)
  }

  protected get onnxAttributes(): Readonly<Record<string, number>> {
    return {}
  }

  /** The activations in ONNX's order. */
  protected get functions(): readonly string[] {
    return [this.options.activation.name]
  }

  override wholeSequence(x: Value, states: readonly Value[] | undefined, reverse: boolean, context: CallContext) {
    const { emit, training } = context
    const { units, recurrentDropout, dropout: rate } = this.options
    const activations = this.functions.map((name) => onnxActivations[name])
    if (activations.includes(undefined!) || (training && recurrentDropout > 0)) return undefined
    const [kernel, recurrent, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const rows = (weight: Value) => unsqueeze(emit, emit.transpose(this.reorder(emit, weight), [1, 0]), 0)
    let input = x
    if (training && rate > 0) {
      const one = emit.expand(unsqueeze(emit, emit.scalar(1), 0), [Number(x.shape[0]), 1, Number(x.shape[2])])
      input = emit.mul(x, dropout(context, one, rate, this.options.seed))
    }
    const initial = (states ?? []).map((state) => unsqueeze(emit, state, 0))
    const count = this.stateShapes().length
    declareOperators(recurrentOps)
    const [y, ...last] = emit.emit(
      this.op,
      [
        emit.transpose(input, [1, 0, 2]),
        rows(kernel),
        rows(recurrent),
        bias && unsqueeze(emit, this.onnxBias(emit, bias), 0),
        undefined,
        ...initial,
      ],
      {
        hidden_size: units,
        direction: reverse ? 'reverse' : 'forward',
        activations,
        ...this.onnxAttributes,
      },
      1 + count,
    )
    const squeeze = (value: Value, axis: number) => emit.op('Squeeze', [value, emit.ints([axis])])
    return {
      outputs: emit.transpose(squeeze(y, 1), [1, 0, 2]),
      states: last.map((state) => squeeze(state, 0)),
    }
  }
}

/** h' = f(x · kernel + h · recurrent_kernel + bias) (Elman, 1990). */
export class SimpleRNNCell extends DenseCell<ValuesOf<typeof simpleCellFields>> {
  static override readonly fields = simpleCellFields
  protected readonly gates = 1
  protected readonly op = 'RNN'

  call([x]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const { dropout, recurrentDropout, activation } = this.options
    const [h] = statesOf(args)
    const [kernel, recurrent, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const fromInput = emit.matMul(this.drop(x, dropout, context, 'x'), kernel)
    const fromState = emit.matMul(this.drop(h, recurrentDropout, context, 'h'), recurrent)
    const sum = emit.add(fromInput, fromState)
    const next = activation.function(bias ? emit.add(sum, bias) : sum, emit)
    return [next, next]
  }
}

/** Gates z, r, h (Cho et al., 2014); `resetAfter` applies the reset gate after the product, as cuDNN does. */
export class GRUCell extends DenseCell<ValuesOf<typeof gruCellFields>> {
  static override readonly fields = gruCellFields
  protected readonly gates = 3
  protected readonly op = 'GRU'

  protected override get biasShape(): readonly number[] {
    const width = 3 * this.options.units
    return this.options.resetAfter ? [2, width] : [width]
  }

  protected override get functions(): readonly string[] {
    return [this.options.recurrentActivation.name, this.options.activation.name]
  }

  protected override onnxBias(emit: Emitter, bias: Value): Value {
    return this.options.resetAfter ? emit.reshape(bias, [-1]) : super.onnxBias(emit, bias)
  }

  protected override get onnxAttributes() {
    return { linear_before_reset: this.options.resetAfter ? 1 : 0 }
  }

  call([x]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const { units, dropout, recurrentDropout, activation, recurrentActivation, resetAfter } = this.options
    const [old] = statesOf(args)
    const [kernel, recurrent, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const h = this.drop(old, recurrentDropout, context, 'h')
    const biases = bias && resetAfter ? split(emit, bias, 0, [1, 1]) : [bias]
    const plus = (value: Value, term: Value | undefined) => (term ? emit.add(value, term) : value)
    const input = plus(emit.matMul(this.drop(x, dropout, context, 'x'), kernel), biases[0])
    const [xzr, xh] = split(emit, input, 1, [2 * units, units])
    const [gateWeights, candidateWeights] = resetAfter ? [] : split(emit, recurrent, 1, [2 * units, units])
    const state = resetAfter ? plus(emit.matMul(h, recurrent), biases[1]) : emit.matMul(h, gateWeights!)
    const [hzr, hh] = resetAfter ? split(emit, state, 1, [2 * units, units]) : [state]
    const [z, r] = split(emit, recurrentActivation.function(emit.add(xzr, hzr), emit), 1, [units, units])
    const product = hh ? emit.mul(r, hh) : emit.matMul(emit.mul(r, h), candidateWeights!)
    const candidate = activation.function(emit.add(xh, product), emit)
    const next = emit.add(emit.mul(z, old), emit.mul(emit.sub(1, z), candidate))
    return [next, next]
  }
}

/** A bias that starts at 1 for the forget gate (Jozefowicz et al., 2015). */
export const forgetBias = (start: Initializer, units: number): Initializer =>
  new Initializer(start.className, start.config, () => {
    const whole = start.fill([4 * units])
    return whole.fill(1, units, 2 * units)
  })

/** The new states of an LSTM from the sum of all that goes into its gates, in Keras's order i, f, c, o. */
export function lstmStep(
  emit: Emitter,
  gates: readonly Value[],
  c: Value,
  inner: (x: Value) => Value,
  outer: (x: Value) => Value,
): readonly Value[] {
  const [i, f, candidate, o] = gates
  const next = emit.add(emit.mul(inner(f), c), emit.mul(inner(i), outer(candidate)))
  const h = emit.mul(inner(o), outer(next))
  return [h, h, next]
}

/** Gates i, f, c, o (Hochreiter and Schmidhuber, 1997). */
export class LSTMCell extends DenseCell<ValuesOf<typeof lstmCellFields>> {
  static override readonly fields = lstmCellFields
  protected readonly gates = 4
  protected readonly op = 'LSTM'

  override stateShapes(): StateShapes {
    return [[this.options.units], [this.options.units]]
  }

  protected override get biasStart(): Initializer {
    const { unitForgetBias, biasInitializer, units } = this.options
    return unitForgetBias ? forgetBias(biasInitializer, units) : biasInitializer
  }

  protected override get functions(): readonly string[] {
    const { activation, recurrentActivation } = this.options
    return [recurrentActivation.name, activation.name, activation.name]
  }

  /** From Keras's order of gates, i, f, c, o, to ONNX's: i, o, f, c. */
  protected override reorder(emit: Emitter, weight: Value): Value {
    const outer = (weight.shape as readonly number[]).slice(0, -1)
    const gates = emit.reshape(weight, [...outer, 4, this.options.units])
    const ordered = emit.gather(gates, emit.constant(new Tensor('int32', [0, 3, 1, 2], [4])), outer.length)
    return emit.reshape(ordered, [...outer, 4 * this.options.units])
  }

  call([x]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const { units, dropout, recurrentDropout, activation, recurrentActivation } = this.options
    const [h, c] = statesOf(args)
    const [kernel, recurrent, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const fromInput = emit.matMul(this.drop(x, dropout, context, 'x'), kernel)
    const sum = emit.add(fromInput, emit.matMul(this.drop(h, recurrentDropout, context, 'h'), recurrent))
    const gates = split(emit, bias ? emit.add(sum, bias) : sum, 1, [units, units, units, units])
    return lstmStep(
      emit,
      gates,
      c,
      (value) => recurrentActivation.function(value, emit),
      (value) => activation.function(value, emit),
    )
  }
}

/** A cell, or a list of them, given or serialised. */
export type CellLike = LayerLike | readonly LayerLike[]

export function readCell(like: CellLike): Cell {
  if (Array.isArray(like)) return stackedRNNCells({ cells: like })
  const cell = readLayer(like as LayerLike, 'cell')
  if (!(cell instanceof Cell))
    throw invalid(`'${cell.className}' is no cell: a cell extends Cell and gives stateShapes`)
  return cell
}

const stackedFields = {
  cells: {
    needed: true as const,
    read: (cells: readonly LayerLike[]) => cells.map(readCell),
    write: (cells: readonly Cell[]) => cells.map((cell) => cell.serialize()),
  },
}

/** Cells one above the other, as one cell. */
export class StackedRNNCells extends Cell<ValuesOf<typeof stackedFields>> {
  static override readonly fields = stackedFields

  stateShapes(inputShape: KerasShape): StateShapes {
    let shape = inputShape
    return this.options.cells.flatMap((cell) => {
      const states = cell.stateShapes(shape)
      shape = [inputShape[0], ...states[0]]
      return states
    })
  }

  protected override build([inputShape]: readonly KerasShape[]): void {
    let shape = inputShape
    this.options.cells.forEach((cell, i) => {
      this.addSublayer(`cells/${i}`, cell).ensureBuilt([shape])
      shape = [inputShape[0], ...cell.stateShapes(shape)[0]]
    })
  }

  override sequence<T>(write: () => T): T {
    return this.options.cells.reduce<() => T>((inner, cell) => () => cell.sequence(inner), write)()
  }

  call(inputs: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const states = [...statesOf(args)]
    let x = inputs[0]
    const next = this.options.cells.flatMap((cell) => {
      const own = states.splice(0, cell.stateShapes(x.shape as KerasShape).length)
      const [output, ...after] = cell.write([x], context, { states: own })
      x = output
      return after
    })
    return [x, ...next]
  }
}

export const stackedRNNCells = /* @__PURE__ */ layerFactory('StackedRNNCells', StackedRNNCells)
