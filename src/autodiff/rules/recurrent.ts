import type { Attributes, Value } from '../../core/ir.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { concatAll, pick, positions, slice, split, stack, zeros } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { activationNames, type CellKind, directionsOf, gruCell, lstmCell, rnnCell } from '../../ops/recurrent.js'
import type { GradientContext, GradientRule, GradientRules } from '../rule.js'

/** An activation, and its slope in terms of what it gives. */
interface Activation {
  readonly op: string
  slope(emit: Emitter, y: Value): Value
}

/** By lower-case name; nodes with other ones are differentiated as their bodies. */
const activations: Readonly<Record<string, Activation>> = {
  tanh: { op: 'Tanh', slope: (emit, y) => emit.sub(1, emit.square(y)) },
  sigmoid: { op: 'Sigmoid', slope: (emit, y) => emit.mul(y, emit.sub(1, y)) },
  relu: { op: 'Relu', slope: (emit, y) => emit.where(emit.greater(y, 0), like(emit, y, 1), 0) },
  softsign: { op: 'Softsign', slope: (emit, y) => emit.square(emit.sub(1, emit.abs(y))) },
  softplus: { op: 'Softplus', slope: (emit, y) => emit.sub(1, emit.exp(emit.neg(y))) },
}

const like = (emit: Emitter, value: Value, number: number): Value =>
  emit.constant(new Tensor(value.dtype as 'float32', [number], []))

/** One direction of a recurrent node, its sequences as [steps, N, …]. */
interface Side {
  readonly emit: Emitter
  readonly attributes: Attributes
  readonly reverse: boolean
  readonly hidden: number
  readonly activations: readonly Activation[]
  readonly x: Value
  readonly weight: Value
  readonly recurrent: Value
  /** [gates * H] of the input, and of the state. */
  readonly biases: readonly Value[] | undefined
  readonly first: readonly (Value | undefined)[]
  readonly y: Value
  /** h before each step; anything where a row has no such step. */
  readonly before: Value
  /** By the outputs of each step, with the gradient by the last state. */
  readonly dy: Value
  readonly lastCell: Value | undefined
  /** [steps, N, 1]: which rows have a step; undefined where all do. */
  readonly running: Value | undefined
}

/** Gradients of all steps. */
interface Gradients {
  /** By what the input and the state give to the gates, [steps, N, gates * H]. */
  readonly input: Value
  readonly state: Value
  /** What the state's product of the last gate reads, if not h. */
  readonly candidate?: Value
  readonly first: readonly Value[]
}

/** `value` where a row has a step, else `other`. */
const where = ({ emit, running }: Side, value: Value, other: number): Value =>
  running ? emit.where(running, value, other) : value

/**
 * What of a state's gradient goes to the state before as it is: \`value\`, or nothing, and all where a row has no step. None
 * where that is nothing.
 */
function keepOf(side: Side, value?: Value): readonly Value[] {
  const { emit, y, running } = side
  if (value) return [where(side, value, 1)]
  return running ? [emit.expand(emit.where(running, like(emit, y, 0), 1), concrete(y.shape))] : []
}

const reverseOf = ({ reverse }: Side): Attributes => ({ reverse: reverse ? 1 : 0 })

/** The states before each step, of those after each and the first. */
function shifted(emit: Emitter, states: Value, first: Value | undefined, reverse: boolean): Value {
  const [steps, batch, hidden] = concrete(states.shape)
  const start = first ? emit.reshape(first, [1, batch, hidden]) : zeros(emit, states, [1, batch, hidden])
  if (steps === 1) return start
  const rest = reverse ? slice(emit, states, 0, 1, steps) : slice(emit, states, 0, 0, steps - 1)
  return emit.concat(reverse ? [rest, start] : [start, rest], 0)
}

/** The gradients by all steps of `y`, with that by the last state added to the last step that the layer ran. */
function withLast(emit: Emitter, dy: Value | undefined, last: Value | undefined, y: Value, reverse: boolean): Value {
  const [steps, batch, hidden] = concrete(y.shape)
  const sequence = dy ?? zeros(emit, y, [steps, batch, hidden])
  if (!last) return sequence
  const [before, after] = reverse ? [0, steps - 1] : [steps - 1, 0]
  const pads = emit.ints([before, 0, 0, after, 0, 0])
  const spread = emit.op('Pad', [emit.reshape(last, [1, batch, hidden]), pads])
  return dy ? emit.add(dy, spread) : spread
}

const product = (emit: Emitter, x: Value, weights: Value, bias: Value | undefined): Value => {
  const sums = emit.matMul(x, emit.transpose(weights, [1, 0]))
  return bias ? emit.add(sums, bias) : sums
}

/** The factors of gates, and those that stand behind them. */
const factorsOf = (side: Side, gates: readonly Value[], carries: readonly Value[]): Value =>
  concatAll(side.emit, [where(side, concatAll(side.emit, gates, 2), 0), ...carries], 2)

function rnn(side: Side): Gradients {
  const { emit, activations, y, dy, recurrent } = side
  const factors = factorsOf(side, [activations[0].slope(emit, y)], keepOf(side))
  const [gates, first] = emit.emit('lanewise.RecurrentGradient', [dy, factors, recurrent], reverseOf(side), 3)
  return { input: gates, state: gates, first: [first] }
}

function gru(side: Side): Gradients {
  const { emit, attributes, hidden, activations, x, weight, recurrent, biases, before, dy } = side
  const [f, g] = activations
  const [gateWeights, candidateWeights] = split(emit, recurrent, 0, [2 * hidden, hidden])
  const [gateBias, candidateBias] = biases ? split(emit, biases[1], 0, [2 * hidden, hidden]) : []
  const [fromInput, candidateInput] = split(emit, product(emit, x, weight, biases?.[0]), 2, [2 * hidden, hidden])
  const both = emit.op(f.op, [emit.add(fromInput, product(emit, before, gateWeights, gateBias))])
  const [z, r] = split(emit, both, 2, [hidden, hidden])
  const linear = attributes['linear_before_reset'] === 1
  const read = linear ? before : emit.mul(r, before)
  const inner = product(emit, read, candidateWeights, candidateBias)
  const candidate = emit.op(g.op, [emit.add(candidateInput, linear ? emit.mul(r, inner) : inner)])
  const update = emit.mul(emit.sub(before, candidate), f.slope(emit, z))
  const ofCandidate = emit.mul(emit.sub(1, z), g.slope(emit, candidate))
  const keep = keepOf(side, z)
  if (!linear) {
    const factors = factorsOf(side, [update, emit.mul(before, f.slope(emit, r)), ofCandidate], [...keep, r])
    const [gates, first] = emit.emit('lanewise.GRUGradient', [dy, factors, recurrent], reverseOf(side), 2)
    return { input: gates, state: gates, candidate: read, first: [first] }
  }
  const reset = emit.mul(emit.mul(ofCandidate, inner), f.slope(emit, r))
  const factors = factorsOf(side, [update, reset, emit.mul(ofCandidate, r)], keep)
  const [gates, first, dh] = emit.emit('lanewise.RecurrentGradient', [dy, factors, recurrent], reverseOf(side), 3)
  const candidateGradient = emit.mul(dh, where(side, ofCandidate, 0))
  const input = emit.concat([slice(emit, gates, 2, 0, 2 * hidden), candidateGradient], 2)
  return { input, state: gates, first: [first] }
}

function lstm(side: Side): Gradients {
  const { emit, hidden, activations, x, weight, recurrent, biases, first, reverse, before, dy, lastCell } = side
  const [f, g, outer] = activations
  const sums = emit.add(product(emit, x, weight, biases?.[0]), product(emit, before, recurrent, biases?.[1]))
  const [gateSums, candidateSums] = split(emit, sums, 2, [3 * hidden, hidden])
  const [input, output, forget] = split(emit, emit.op(f.op, [gateSums]), 2, [hidden, hidden, hidden])
  const candidate = emit.op(g.op, [candidateSums])
  const kept = where(side, forget, 1)
  const added = where(side, emit.mul(input, candidate), 0)
  const cells = emit.op('lanewise.LinearScan', [kept, added, first[1]], reverseOf(side))
  const given = emit.op(outer.op, [cells])
  const gradients = [
    emit.mul(candidate, f.slope(emit, input)),
    emit.mul(given, f.slope(emit, output)),
    emit.mul(shifted(emit, cells, first[1], reverse), f.slope(emit, forget)),
    emit.mul(input, g.slope(emit, candidate)),
  ]
  const ofCell = where(side, emit.mul(output, outer.slope(emit, given)), 0)
  const factors = factorsOf(side, gradients, [ofCell, kept, ...keepOf(side)])
  const [gates, ...firsts] = emit.emit('lanewise.LSTMGradient', [dy, factors, recurrent, lastCell], reverseOf(side), 3)
  return { input: gates, state: gates, first: firsts }
}

/** [steps, N, …] as a matrix of all steps' rows. */
const rowsOf = (emit: Emitter, sequence: Value): Value => {
  const [steps, batch, width] = concrete(sequence.shape)
  return emit.reshape(sequence, [steps * batch, width])
}

/** left' right over all steps and rows. */
const weightGradient = (emit: Emitter, left: Value, right: Value): Value =>
  emit.matMul(emit.transpose(rowsOf(emit, left), [1, 0]), rowsOf(emit, right))

function recurrentWeightGradient({ emit, hidden, before }: Side, { state, candidate }: Gradients): Value {
  if (!candidate) return weightGradient(emit, state, before)
  const [gates, last] = split(emit, state, 2, [2 * hidden, hidden])
  return emit.concat([weightGradient(emit, gates, before), weightGradient(emit, last, candidate)], 0)
}

/** Which rows have each step, [steps, N, 1]; undefined where all have all. */
function runningSteps({ emit, inputs, constant }: GradientContext, steps: number, batch: number): Value | undefined {
  const lengths = inputs[4]
  if (
    !lengths ||
    constant(4)
      ?.toNumbers()
      .every((length) => length >= steps)
  )
    return undefined
  return emit.less(positions(emit, steps, 0, 3, 'int32'), emit.reshape(lengths, [1, batch, 1]))
}

/** Whether the node's cells are those that have rules. */
function isPlain({ attributes, inputs }: GradientContext, kind: CellKind): boolean {
  return (
    !attributes['clip'] &&
    attributes['input_forget'] !== 1 &&
    !inputs[7] &&
    activationNames(attributes, kind.defaults).every((name) => Object.hasOwn(activations, name))
  )
}

const recurrentRule =
  (kind: CellKind, through: (side: Side) => Gradients): GradientRule =>
  (context) => {
    if (!isPlain(context, kind)) return undefined
    const { emit, attributes, inputs, outputs, gradient } = context
    const batchFirst = attributes['layout'] === 1
    const inTime = (sequence: Value) => (batchFirst ? emit.transpose(sequence, [1, 0, 2]) : sequence)
    const x = inTime(inputs[0]!)
    const [steps, batch] = concrete(x.shape, 'X')
    const [, weight, recurrent, bias] = inputs as readonly Value[]
    const rows = concrete(recurrent.shape, 'R')[1]
    const hidden = rows / kind.gates
    const running = runningSteps(context, steps, batch)
    const names = activationNames(attributes, kind.defaults)
    const stateAxis = batchFirst ? 1 : 0
    const sides = directionsOf(attributes).map((direction, index) => {
      const sequence = (value: Value) => inTime(pick(emit, value, batchFirst ? 2 : 1, index))
      const state = (value: Value | undefined) => value && pick(emit, value, stateAxis, index)
      const reverse = direction === 'reverse'
      const first = [inputs[5], inputs[6]].slice(0, kind.states).map(state)
      const y = sequence(outputs[0])
      const given = gradient(0)
      const dy = given && sequence(given)
      const [last, lastCell] = Array.from({ length: kind.states }, (_, which) => state(gradient(1 + which)))
      const side: Side = {
        emit,
        attributes,
        reverse,
        hidden,
        activations: names
          .slice(index * kind.defaults.length, (index + 1) * kind.defaults.length)
          .map((name) => activations[name]),
        x,
        weight: pick(emit, weight, 0, index),
        recurrent: pick(emit, recurrent, 0, index),
        biases: bias && split(emit, pick(emit, bias, 0, index), 0, [rows, rows]),
        first,
        y,
        before: shifted(emit, running && reverse && first[0] ? emit.where(running, y, first[0]) : y, first[0], reverse),
        dy: withLast(emit, dy && running ? emit.where(running, dy, 0) : dy, last, y, reverse),
        lastCell,
        running,
      }
      return { side, gradients: through(side) }
    })
    const over = (axis: number, of: (part: (typeof sides)[number]) => Value) => stack(emit, sides.map(of), axis)
    const dx = sides
      .map(({ side, gradients }) => emit.matMul(gradients.input, side.weight))
      .reduce((a, b) => emit.add(a, b))
    return [
      inTime(dx),
      over(0, ({ side, gradients }) => weightGradient(emit, gradients.input, side.x)),
      over(0, ({ side, gradients }) => recurrentWeightGradient(side, gradients)),
      bias &&
        over(0, ({ gradients }) =>
          emit.concat([emit.sum(gradients.input, [0, 1]), emit.sum(gradients.state, [0, 1])], 0),
        ),
      undefined,
      ...[5, 6]
        .slice(0, kind.states)
        .map((at, which) => inputs[at] && over(stateAxis, ({ gradients }) => gradients.first[which])),
    ]
  }

/**
 * Back through time: the gates of all steps are computed again, by products over all steps at once, a linear recurrence
 * gives the gates' gradients, and products over all steps those by the operands.
 */
export const recurrentRules: GradientRules = {
  RNN: recurrentRule(rnnCell, rnn),
  GRU: recurrentRule(gruCell, gru),
  LSTM: recurrentRule(lstmCell, lstm),
}
