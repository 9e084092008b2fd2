import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { concrete, formatShape, type Shape, sameShape } from '../core/shape.js'
import { concatAll, split, zeros } from './compose.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { required, requireFloat } from './infer.js'

/** Throws SHAPE_MISMATCH where an operand is there and has another shape. */
function fits({ inputs }: InferenceContext, index: number, shape: Shape): void {
  const given = inputs[index]
  if (given && !sameShape(given.shape, shape))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `input ${index} ${formatShape(given.shape)} must be ${formatShape(shape)}`,
    )
}

/** Types of what carries gradients back; `carries` are the possible numbers of factors behind those of the gates. */
function inferCarried(context: InferenceContext, carries: readonly number[]) {
  const { dtype, shape } = requireFloat(required(context, 0))
  const [factors, r] = [required(context, 1), required(context, 2)]
  if (shape.length !== 3 || r.shape.length !== 2)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `takes dy [steps, N, H] and R [gates * H, H], got ${formatShape(shape)} and ${formatShape(r.shape)}`,
    )
  const [steps, batch, hidden] = shape
  const [rows] = r.shape
  fits(context, 2, [rows, hidden])
  const widths = carries.map((count) =>
    typeof rows === 'number' && typeof hidden === 'number' ? rows + count * hidden : factors.shape[2],
  )
  fits(context, 1, [steps, batch, widths.find((width) => width === factors.shape[2]) ?? widths[0]])
  const typed = (shape: Shape): TensorType => ({ dtype, shape })
  return { gates: typed([steps, batch, rows]), steps: typed(shape), state: typed([batch, hidden]) }
}

/** The steps of a sequence [steps, …] as [1, …] each. */
const stepsOf = (emit: Emitter, sequence: Value): readonly Value[] =>
  split(emit, sequence, 0, new Array<number>(concrete(sequence.shape)[0]).fill(1))

/** The steps of the factors of all gates, and of each that stands behind them. */
function factorsOf(emit: Emitter, { inputs }: Node) {
  const [, factors, r] = inputs as readonly Value[]
  const [rows, hidden] = concrete(r.shape)
  const carries = (concrete(factors.shape)[2] - rows) / hidden
  const parts = split(emit, factors, 2, [rows, ...new Array<number>(carries).fill(hidden)])
  return parts.map((part) => stepsOf(emit, part))
}

/** Runs `step` over the steps from the last that the layer ran to the first, and gives what it gave in the order of time. */
function backwards<T>({ attributes, inputs: [dy] }: Node, step: (at: number) => T): readonly T[] {
  const count = concrete(dy!.shape)[0]
  const results = new Array<T>(count)
  for (let k = 0; k < count; k++) {
    const at = intAttribute(attributes, 'reverse') === 1 ? k : count - 1 - k
    results[at] = step(at)
  }
  return results
}

const attributes = { reverse: { type: 'int', default: 0 } } as const

/** A state [N, H] as [1, N, H]; zeros where it is not given. */
const atStep = (emit: Emitter, sequence: Value, state: Value | undefined): Value => {
  const [, batch, hidden] = concrete(sequence.shape)
  return state ? emit.reshape(state, [1, batch, hidden]) : zeros(emit, sequence, [1, batch, hidden])
}

const asState = (emit: Emitter, value: Value): Value => emit.reshape(value, concrete(value.shape).slice(1))

/**
 * The linear recurrences that carry gradients of a recurrent layer back through time. dy [steps, N, H] are the gradients by
 * the outputs, those by the last state within that of the last step; R [gates * H, H] the recurrent weights. `factors`
 * [steps, N, (gates + carries) * H] says what each gate's gradient is a multiple of, in ONNX's order of gates, and behind
 * the gates what a state's gradient carries on. `reverse`: the layer ran from the last step to the first. All give the gates'
 * gradients [steps, N, gates * H] and the gradient by the first state [N, H].
 */
export const recurrentGradients = {
  /** a, b [steps, N, H], first? [N, H] -> y [steps, N, H]: y of a step is a * y of the step before + b. */
  'lanewise.LinearScan': {
    since: 1,
    inputs: [2, 3],
    outputs: [1, 1],
    attributes,
    infer: (context) => {
      const { dtype, shape } = requireFloat(required(context, 0))
      fits(context, 1, shape)
      fits(context, 2, shape.slice(1))
      return [{ dtype, shape }]
    },
    decompose: (emit, node) => {
      const [a, b, first] = node.inputs as readonly [Value, Value, Value?]
      const [as, bs] = [stepsOf(emit, a), stepsOf(emit, b)]
      const count = as.length
      const results = new Array<Value>(count)
      let y = atStep(emit, a, first)
      for (let k = 0; k < count; k++) {
        const at = intAttribute(node.attributes, 'reverse') === 1 ? count - 1 - k : k
        y = emit.add(emit.mul(as[at], y), bs[at])
        results[at] = y
      }
      return [concatAll(emit, results, 0)]
    },
  },

  /** dy, factors (of dh, the whole gradient by the state; then, if any, what of it the state before keeps), R -> gates, first, dh. */
  'lanewise.RecurrentGradient': {
    since: 1,
    inputs: [3, 3],
    outputs: [3, 3],
    attributes,
    infer: (context) => {
      const { gates, state, steps } = inferCarried(context, [0, 1])
      return [gates, state, steps]
    },
    decompose: (emit, node) => {
      const [dy, , r] = node.inputs as readonly Value[]
      const [dys, [factors, keep]] = [stepsOf(emit, dy), factorsOf(emit, node)]
      const gates = Number(r.shape[0]) / Number(r.shape[1])
      let carry = atStep(emit, dy, undefined)
      const results = backwards(node, (at) => {
        const dh = emit.add(dys[at], carry)
        const gate = emit.mul(concatAll(emit, new Array<Value>(gates).fill(dh), 2), factors[at])
        const product = emit.matMul(gate, r)
        carry = keep ? emit.add(product, emit.mul(dh, keep[at])) : product
        return { gate, dh }
      })
      const joined = (of: (result: (typeof results)[number]) => Value) => concatAll(emit, results.map(of), 0)
      return [joined(({ gate }) => gate), asState(emit, carry), joined(({ dh }) => dh)]
    },
  },

  /**
   * For a GRU whose reset gate acts on the state before its product. dy, factors (z and h: of dh; r: of the gradient by r h;
   * then what of dh, and of the gradient by r h, the state before takes), R -> gates, first.
   */
  'lanewise.GRUGradient': {
    since: 1,
    inputs: [3, 3],
    outputs: [2, 2],
    attributes,
    infer: (context) => {
      const { gates, state } = inferCarried(context, [2])
      return [gates, state]
    },
    decompose: (emit, node) => {
      const [dy, , r] = node.inputs as readonly Value[]
      const hidden = concrete(dy.shape)[2]
      const [dys, [factors, keep, reset]] = [stepsOf(emit, dy), factorsOf(emit, node)]
      const [gateWeights, candidateWeights] = split(emit, r, 0, [2 * hidden, hidden])
      let carry = atStep(emit, dy, undefined)
      const results = backwards(node, (at) => {
        const dh = emit.add(dys[at], carry)
        const [ofUpdate, ofReset, ofCandidate] = split(emit, factors[at], 2, [hidden, hidden, hidden])
        const candidate = emit.mul(dh, ofCandidate)
        const given = emit.matMul(candidate, candidateWeights)
        const both = emit.concat([emit.mul(dh, ofUpdate), emit.mul(given, ofReset)], 2)
        const direct = emit.add(emit.mul(dh, keep[at]), emit.mul(given, reset[at]))
        carry = emit.add(direct, emit.matMul(both, gateWeights))
        return emit.concat([both, candidate], 2)
      })
      return [concatAll(emit, results, 0), asState(emit, carry)]
    },
  },

  /**
   * dy, factors (i, f and c: of dc, the gradient by the cell; o: of dh; then what of dh goes to dc, what of dc to the cell
   * before, and, if any, what of dh the state before keeps), R, dc of the last step? [N, H] -> gates, first, and the gradient
   * by the first cell [N, H].
   */
  'lanewise.LSTMGradient': {
    since: 1,
    inputs: [3, 4],
    outputs: [3, 3],
    attributes,
    infer: (context) => {
      const { gates, state } = inferCarried(context, [2, 3])
      fits(context, 3, state.shape)
      return [gates, state, state]
    },
    decompose: (emit, node) => {
      const [dy, , r, last] = node.inputs as readonly Value[]
      const [dys, [factors, cell, forget, keep]] = [stepsOf(emit, dy), factorsOf(emit, node)]
      let [carry, cellCarry] = [atStep(emit, dy, undefined), atStep(emit, dy, last)]
      const results = backwards(node, (at) => {
        const dh = emit.add(dys[at], carry)
        const dc = emit.add(emit.mul(dh, cell[at]), cellCarry)
        const gate = emit.mul(emit.concat([dc, dh, dc, dc], 2), factors[at])
        const product = emit.matMul(gate, r)
        carry = keep ? emit.add(product, emit.mul(dh, keep[at])) : product
        cellCarry = emit.mul(dc, forget[at])
        return gate
      })
      return [concatAll(emit, results, 0), asState(emit, carry), asState(emit, cellCarry)]
    },
  },
} as const satisfies Record<string, OpDefinition>
