import { LanewiseError } from '../core/errors.js'
import type { Attributes, Node, Value } from '../core/ir.js'
import { concrete, normalizeAxis } from '../core/shape.js'
import { inputShape, pick, split, stack, zeros } from './compose.js'
import { intAttribute } from './definition.js'
import type { Emitter } from './emitter.js'
import {
  activationNames,
  type CellKind,
  directionsOf,
  gruCell,
  lstmCell,
  type RecurrentActivation,
  rnnCell,
} from './recurrent.js'

type Activate = (x: Value) => Value

interface ActivationFunction {
  /** Defaults of the parameters that it takes. */
  readonly alpha?: number
  readonly beta?: number
  write(emit: Emitter, x: Value, alpha: number, beta: number): Value
}

const plain = (op: string): ActivationFunction => ({ write: (emit, x) => emit.op(op, [x]) })
const withAlpha = (op: string, alpha: number): ActivationFunction => ({
  alpha,
  write: (emit, x, alpha) => emit.op(op, [x], { alpha }),
})

/** What `activations` names. */
const functions: Readonly<Record<RecurrentActivation, ActivationFunction>> = {
  relu: plain('Relu'),
  tanh: plain('Tanh'),
  sigmoid: plain('Sigmoid'),
  softsign: plain('Softsign'),
  softplus: plain('Softplus'),
  elu: withAlpha('Elu', 1),
  leakyrelu: withAlpha('LeakyRelu', 0.01),
  thresholdedrelu: withAlpha('ThresholdedRelu', 1),
  affine: { alpha: 1, beta: 0, write: (emit, x, alpha, beta) => emit.add(emit.mul(x, alpha), beta) },
  scaledtanh: { alpha: 1, beta: 1, write: (emit, x, alpha, beta) => emit.mul(emit.tanh(emit.mul(x, beta)), alpha) },
  hardsigmoid: { alpha: 0.2, beta: 0.5, write: (emit, x, alpha, beta) => emit.op('HardSigmoid', [x], { alpha, beta }) },
}

/**
 * The functions themselves; alphas and betas go in order to those that take them. Those of gates limit their input to
 * ±clip first, as in onnxruntime.
 */
function activationsOf(emit: Emitter, attributes: Attributes, { defaults, ofGates }: CellKind): readonly Activate[] {
  const [alphas, betas] = ['activation_alpha', 'activation_beta'].map((name) => [
    ...((attributes[name] as readonly number[] | undefined) ?? []),
  ])
  const clip = attributes['clip'] as number | undefined
  return activationNames(attributes, defaults).map((name, index) => {
    const { alpha, beta, write } = functions[name]
    const limit = index % defaults.length < ofGates && clip
    const first = alpha === undefined ? 0 : (alphas.shift() ?? alpha)
    const second = beta === undefined ? 0 : (betas.shift() ?? beta)
    return (x) => write(emit, limit ? emit.clip(x, -limit, limit) : x, first, second)
  })
}

/** What one step of a cell works from: the input's part of the gates [N, gates * H] and the states [N, H]. */
interface Step {
  readonly gates: Value
  readonly states: readonly Value[]
}

/** One direction of a cell: from a step to its new states, the first of which is the output. */
type Cell = (step: Step) => readonly Value[]

interface Weights {
  readonly emit: Emitter
  readonly attributes: Attributes
  readonly hidden: number
  /** [H, gates * H]. */
  readonly recurrent: Value
  /** [2 * gates * H]: those of the input, then those of the state. */
  readonly bias: Value | undefined
  /** [3 * H], of the gates i, o and f. */
  readonly peepholes: Value | undefined
  readonly activations: readonly Activate[]
}

/** What a kind of cell computes. */
interface CellBody {
  /** The input's bias [gates * H], with as much of the state's as may be added before the step. */
  inputBias(emit: Emitter, attributes: Attributes, bias: Value, hidden: number): Value
  cell(weights: Weights): Cell
}

const allBias: CellBody['inputBias'] = (emit, _, bias) => {
  const half = Number(bias.shape[0]) / 2
  const [input, state] = split(emit, bias, 0, [half, half])
  return emit.add(input, state)
}

const rnnBody: CellBody = {
  inputBias: allBias,
  cell:
    ({ emit, recurrent, activations: [f] }) =>
    ({ gates, states: [h] }) => [f(emit.add(gates, emit.matMul(h, recurrent)))],
}

const gruBody: CellBody = {
  inputBias: (emit, attributes, bias, hidden) => {
    const [input, zr, h] = split(emit, bias, 0, [3 * hidden, 2 * hidden, hidden])
    const late = attributes['linear_before_reset'] === 1 ? zeros(emit, h, [hidden]) : h
    return emit.add(input, emit.concat([zr, late], 0))
  },
  cell: ({ emit, attributes, hidden, recurrent, bias, activations: [f, g] }) => {
    const linear = attributes['linear_before_reset'] === 1
    const [gateWeights, candidateWeights] = split(emit, recurrent, 1, [2 * hidden, hidden])
    const late = bias && linear ? split(emit, bias, 0, [5 * hidden, hidden])[1] : undefined
    return ({ gates, states: [h] }) => {
      const [fromInput, candidateInput] = split(emit, gates, 1, [2 * hidden, hidden])
      const both = f(emit.add(fromInput, emit.matMul(h, gateWeights)))
      const [z, r] = split(emit, both, 1, [hidden, hidden])
      const product = linear ? emit.matMul(h, candidateWeights) : emit.matMul(emit.mul(r, h), candidateWeights)
      const recurrentPart = linear ? emit.mul(r, late ? emit.add(product, late) : product) : product
      const candidate = g(emit.add(candidateInput, recurrentPart))
      return [emit.add(emit.mul(emit.sub(1, z), candidate), emit.mul(z, h))]
    }
  },
}

const lstmBody: CellBody = {
  inputBias: allBias,
  cell: ({ emit, attributes, hidden, recurrent, peepholes, activations: [f, g, outer] }) => {
    const [pi, po, pf] = peepholes ? split(emit, peepholes, 0, [hidden, hidden, hidden]) : []
    return ({ gates, states: [h, c] }) => {
      const sum = emit.add(gates, emit.matMul(h, recurrent))
      const [i, o, forget, candidate] = split(emit, sum, 1, [hidden, hidden, hidden, hidden])
      const peep = (gate: Value, weight: Value | undefined, cell: Value) =>
        weight ? emit.add(gate, emit.mul(weight, cell)) : gate
      const input = f(peep(i, pi, c))
      const kept = attributes['input_forget'] === 1 ? emit.sub(1, input) : f(peep(forget, pf, c))
      const next = emit.add(emit.mul(kept, c), emit.mul(input, g(candidate)))
      return [emit.mul(f(peep(o, po, next)), outer(next)), next]
    }
  },
}

/** Whether every sequence is known to be as long as the input. */
function allFull(emit: Emitter, lengths: Value, steps: number): boolean {
  return (
    emit
      .constantOf(lengths)
      ?.toNumbers()
      .every((length) => length >= steps) ?? false
  )
}

/** The node unrolled into steps: Y, then the last content of each state. The lengths of the sequence must be known. */
function unrolled(emit: Emitter, { inputs, attributes }: Node, kind: CellKind, body: CellBody): readonly Value[] {
  const [, weight, recurrent] = inputs as readonly Value[]
  const [, , , bias, lengths, h, c, peepholes] = inputs
  const initial = [h, c]
  const batchFirst = attributes['layout'] === 1
  const x = batchFirst ? emit.transpose(inputs[0]!, [1, 0, 2]) : inputs[0]!
  const [steps, batch] = concrete(x.shape, 'X')
  const hidden = concrete(recurrent.shape, 'R')[2]
  if (steps === 0) throw new LanewiseError('SHAPE_MISMATCH', 'a sequence of length 0 has no steps')
  const masked = lengths && !allFull(emit, lengths, steps) ? emit.reshape(lengths, [batch, 1]) : undefined
  const running = masked && Array.from({ length: steps }, (_, step) => emit.greater(masked, step))
  const activations = activationsOf(emit, attributes, kind)
  const sides = directionsOf(attributes).map((direction, side) => {
    const of = (operand: Value | undefined, axis = 0) => operand && pick(emit, operand, axis, side)
    const matrix = of(weight)!
    const vector = of(bias)
    const product = emit.matMul(x, emit.transpose(matrix, [1, 0]))
    const gates = vector ? emit.add(product, body.inputBias(emit, attributes, vector, hidden)) : product
    const cell = body.cell({
      emit,
      attributes,
      hidden,
      recurrent: emit.transpose(of(recurrent)!, [1, 0]),
      bias: vector,
      peepholes: of(peepholes),
      activations: activations.slice(side * kind.defaults.length, (side + 1) * kind.defaults.length),
    })
    let states: readonly Value[] = Array.from(
      { length: kind.states },
      (_, index) => of(initial[index], batchFirst ? 1 : 0) ?? zeros(emit, x, [batch, hidden]),
    )
    const results = new Array<Value>(steps)
    for (let count = 0; count < steps; count++) {
      const step = direction === 'forward' ? count : steps - 1 - count
      const old = states
      const next = cell({ gates: pick(emit, gates, 0, step), states })
      states = running ? next.map((state, index) => emit.where(running[step], state, old[index])) : next
      results[step] = running ? emit.where(running[step], next[0], 0) : next[0]
    }
    return { y: stack(emit, results, 0), states }
  })
  const y = stack(
    emit,
    sides.map((side) => side.y),
    1,
  )
  const last = Array.from({ length: kind.states }, (_, index) =>
    stack(
      emit,
      sides.map(({ states }) => states[index]),
      batchFirst ? 1 : 0,
    ),
  )
  return [batchFirst ? emit.transpose(y, [2, 0, 1, 3]) : y, ...last]
}

/** A ReverseSequence as a Gather. */
function reversed(emit: Emitter, node: Node): readonly Value[] {
  const x = node.inputs[0]!
  const shape = inputShape(node)
  const batchFirst = normalizeAxis(intAttribute(node.attributes, 'batch_axis'), shape.length) === 0
  const [batch, steps] = batchFirst ? shape : [shape[1], shape[0]]
  const rest = shape.slice(2)
  const lengths = emit.reshape(emit.cast(node.inputs[1]!, 'int64'), [batch, 1])
  const range = (count: number) =>
    emit.op('Range', [emit.scalar(0, 'int64'), emit.scalar(count, 'int64'), emit.scalar(1, 'int64')])
  const step = range(steps)
  const source = emit.where(emit.less(step, lengths), emit.sub(emit.sub(lengths, step), 1), step)
  const line = emit.reshape(range(batch), [batch, 1])
  const place = batchFirst
    ? emit.add(emit.mul(line, steps), source)
    : emit.transpose(emit.add(emit.mul(source, batch), line), [1, 0])
  const rows = emit.reshape(x, [batch * steps, ...rest])
  return [emit.reshape(emit.gather(rows, emit.reshape(place, [-1])), shape)]
}

const unrolledAs =
  (kind: CellKind, body: CellBody) =>
  (emit: Emitter, node: Node): readonly Value[] =>
    unrolled(emit, node, kind, body)

/** The recurrent ops in terms of others. */
export const recurrentBodies = {
  RNN: unrolledAs(rnnCell, rnnBody),
  GRU: unrolledAs(gruCell, gruBody),
  LSTM: unrolledAs(lstmCell, lstmBody),
  ReverseSequence: reversed,
}
