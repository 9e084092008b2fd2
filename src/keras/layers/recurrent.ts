import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import { pick, stack, unsqueeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import {
  type Cell,
  type CellLike,
  GRUCell,
  gruCellFields,
  LSTMCell,
  lstmCellFields,
  readCell,
  SimpleRNNCell,
  type StateShapes,
  simpleCellFields,
} from './cells.js'
import type { CallContext } from './context.js'
import { type Field, flag, regularizer, unwritten, type ValuesOf } from './fields.js'
import { type CallArgument, type CallArguments, Layer, type LayerOptions } from './layer.js'
import { formatKerasShape, type KerasShape, layerError } from './shapes.js'
import type { Weight } from './weight.js'

export const loopFields = {
  /** All steps' outputs, rather than the last's. */
  returnSequences: flag(false),
  /** The states after the last step, too. */
  returnState: flag(false),
  /** From the last step to the first; outputs come in that order. */
  goBackwards: flag(false),
  /** Whether each batch goes on from the states that the batch before left. */
  stateful: flag(false),
  unroll: flag(false),
  /** Outputs of masked steps are 0, rather than those of the step before. */
  zeroOutputForMask: flag(false),
  implementation: unwritten(2),
}
type LoopValues = ValuesOf<typeof loopFields>

/** A tensor of zeros [batch of x, ...sizes]. */
function zerosLike(emit: Emitter, x: Value, sizes: readonly number[]): Value {
  const [batch] = x.shape
  if (typeof batch === 'number') return emit.constant(Tensor.zeros('float32', [batch, ...sizes]))
  const first = emit.op('Slice', [emit.op('Shape', [x]), emit.ints([0]), emit.ints([1])])
  return emit.op('ConstantOfShape', [emit.concat([first, emit.ints(sizes)], 0)])
}

/** x backwards along axis 1. */
function reverseTime(emit: Emitter, x: Value): Value {
  const steps = x.shape[1]
  if (typeof steps !== 'number')
    return emit.op('Slice', [x, emit.ints([-1]), emit.ints([-(2 ** 31)]), emit.ints([1]), emit.ints([-1])])
  const order = Array.from({ length: steps }, (_, i) => steps - 1 - i)
  return emit.gather(x, emit.constant(new Tensor('int32', order, [steps])), 1)
}

const list = (argument: CallArgument): readonly Value[] | undefined =>
  argument ? ((Array.isArray(argument) ? argument : [argument]) as readonly Value[]) : undefined

/** Layers that run a cell over a sequence [batch, steps, …]. */
export abstract class Recurrent<V extends LoopValues = LoopValues> extends Layer<V> {
  protected abstract readonly cell: Cell
  #states: readonly Weight[] | undefined
  /** Whether sequences come in the order of time even from a layer that goes backwards. */
  inTimeOrder = false

  override get signature(): readonly string[] {
    return ['sequences', 'initial_state', 'mask', 'training']
  }

  protected override get passesMask(): boolean {
    return this.options.returnSequences
  }

  /** The layer with other loop options, sharing nothing. */
  get returnsSequences(): boolean {
    return this.options.returnSequences
  }

  get returnsState(): boolean {
    return this.options.returnState
  }

  get stateCount(): number {
    return this.#shapes?.length ?? 0
  }

  #shapes: StateShapes | undefined

  protected override build([shape]: readonly KerasShape[]): void {
    if (shape.length < 3)
      throw layerError(
        this,
        `takes sequences (batch, steps, features), got ${formatKerasShape(shape)}`,
        'SHAPE_MISMATCH',
      )
    const step = [shape[0], ...shape.slice(2)]
    const cell = this.addSublayer('cell', this.cell)
    cell.ensureBuilt([step])
    this.#shapes = cell.stateShapes(step)
    if (!this.options.stateful) return
    const [batch] = shape
    if (batch === null) throw layerError(this, 'is stateful: give its model a batchShape with the batch size')
    this.#states = this.#shapes.map((sizes) => this.addState('rnn_state', [batch, ...sizes]))
  }

  /** Sets the states of a stateful layer to 0, or to `states`. Throws INVALID_ARGUMENT for other layers. */
  resetStates(states?: readonly Tensor[]): void {
    if (!this.#states) throw layerError(this, 'is not stateful, or was applied to nothing yet')
    this.#states.forEach((weight, i) => {
      weight.write(states?.[i] ?? Tensor.zeros('float32', weight.shape))
    })
  }

  call([x, ...more]: readonly Value[], context: CallContext, args: CallArguments): readonly Value[] {
    const { emit } = context
    const { returnSequences, returnState, goBackwards } = this.options
    const stored = this.#states?.map((weight) => context.current(weight))
    const initial = list(args.initial_state) ?? (more.length > 0 ? more : stored)
    if (initial && initial.length !== this.#shapes!.length)
      throw layerError(this, `has ${this.#shapes!.length} states, got ${initial.length} initial ones`)
    const mask = (args.mask as Value | undefined) ?? context.maskOf(x)
    const whole = mask ? undefined : this.cell.wholeSequence(x, initial, goBackwards, context)
    const { outputs, last, states } = whole
      ? {
          outputs: () => (goBackwards && !this.inTimeOrder ? reverseTime(emit, whole.outputs) : whole.outputs),
          last: whole.states[0],
          states: whole.states,
        }
      : this.#unrolled(x, initial, mask, context)
    this.#states?.forEach((weight, i) => {
      context.update(weight, states[i], true)
    })
    return [returnSequences ? outputs() : last, ...(returnState ? states : [])]
  }

  /** Values of the types of what is made of an unknown number of steps. */
  #typical(x: Value, initial: readonly Value[] | undefined, context: CallContext) {
    const { emit } = context
    const start = initial ?? this.#shapes!.map((sizes) => zerosLike(emit, x, sizes))
    const [last, ...states] = this.cell.write([pick(emit, x, 1, 0)], context, { states: start })
    const axes = x.shape.map((_, axis) => axis).slice(2)
    return { outputs: () => emit.add(emit.max(x, axes, true), unsqueeze(emit, last, 1)), last, states }
  }

  #unrolled(x: Value, initial: readonly Value[] | undefined, mask: Value | undefined, context: CallContext) {
    const { emit } = context
    const { goBackwards, zeroOutputForMask } = this.options
    const steps = x.shape[1]
    if (typeof steps !== 'number' && context.typesOnly) return this.#typical(x, initial, context)
    if (typeof steps !== 'number')
      throw layerError(
        this,
        `needs a known number of steps to be exported: with a mask, a cell of one's own, recurrent dropout or activations that ONNX's ops lack it is written out step by step. Give the input a fixed length`,
        'SHAPE_MISMATCH',
      )
    const results: Value[] = []
    let states = initial ?? this.#shapes!.map((sizes) => zerosLike(emit, x, sizes))
    let output: Value | undefined
    this.cell.sequence(() => {
      for (let count = 0; count < steps; count++) {
        const step = goBackwards ? steps - 1 - count : count
        const old = states
        const [y, ...next] = this.cell.write([pick(emit, x, 1, step)], context, { states })
        const choose = (value: Value, other: Value | number) => {
          if (!mask) return value
          const axes = value.shape.slice(2).map((_, i) => i + 2)
          const now = emit.op('Slice', [mask, emit.ints([step]), emit.ints([step + 1]), emit.ints([1])])
          return emit.where(axes.length > 0 ? emit.op('Unsqueeze', [now, emit.ints(axes)]) : now, value, other)
        }
        states = next.map((state, i) => choose(state, old[i]))
        output = choose(y, zeroOutputForMask || !output ? 0 : output)
        results.push(output)
      }
    })
    const ordered = this.inTimeOrder && goBackwards ? results.toReversed() : results
    return { outputs: () => stack(emit, ordered, 1), last: output!, states }
  }
}

const rnnFields = {
  cell: {
    needed: true as const,
    read: readCell,
    write: (cell: Cell) => cell.serialize(),
  } satisfies Field<CellLike, Cell, true>,
  ...loopFields,
}

/** A cell, or several one above the other, run over a sequence. */
export class RNN extends Recurrent<ValuesOf<typeof rnnFields>> {
  static override readonly fields = rnnFields
  protected get cell(): Cell {
    return this.options.cell
  }
}

/** The class of a layer that makes its own cell of the options that they share. */
const layerOf = <F extends object>(
  fields: F,
  Inner: { new (options: never, className?: string): Cell; readonly fields: object },
  className: string,
) => {
  const all = { ...loopFields, ...fields, activityRegularizer: regularizer }
  return class extends Recurrent<LoopValues & ValuesOf<F>> {
    static override readonly fields = all as typeof loopFields & F
    readonly cell: Cell

    constructor(options: LayerOptions, name?: string) {
      super(options, name)
      const known = Object.keys(Inner.fields)
      const own = Object.fromEntries(Object.entries(options).filter(([key]) => known.includes(key)))
      this.cell = new Inner(own as never, className)
    }

    protected override config() {
      const { seed, ...config } = super.config()
      return className === 'SimpleRNNCell' ? config : { ...config, seed }
    }
  } as unknown as {
    new (options: LayerOptions, className?: string): Recurrent<LoopValues & ValuesOf<F>>
    readonly fields: typeof loopFields & F
  }
}

export const SimpleRNN = layerOf(simpleCellFields, SimpleRNNCell, 'SimpleRNNCell')
export const GRU = layerOf(gruCellFields, GRUCell, 'GRUCell')
export const LSTM = layerOf(lstmCellFields, LSTMCell, 'LSTMCell')
