import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { type Dim, formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import { type AttributeSchema, type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import { required, requireFloat, sameAsInput } from './infer.js'

/** What the `activations` attribute may name, in lower case. */
const knownActivations = [
  'relu',
  'tanh',
  'sigmoid',
  'softsign',
  'softplus',
  'elu',
  'leakyrelu',
  'thresholdedrelu',
  'affine',
  'scaledtanh',
  'hardsigmoid',
] as const

export type RecurrentActivation = (typeof knownActivations)[number]

/** A kind of cell. */
export interface CellKind {
  readonly gates: number
  readonly states: number
  /** Its activations unless the node names others. */
  readonly defaults: readonly RecurrentActivation[]
  /** How many of them, from the first, are applied to gates. */
  readonly ofGates: number
}

export const rnnCell: CellKind = { gates: 1, states: 1, defaults: ['tanh'], ofGates: 1 }
export const gruCell: CellKind = { gates: 3, states: 1, defaults: ['sigmoid', 'tanh'], ofGates: 2 }
export const lstmCell: CellKind = { gates: 4, states: 2, defaults: ['sigmoid', 'tanh', 'tanh'], ofGates: 2 }

export type Direction = 'forward' | 'reverse'

/** The directions of a recurrent op, one entry a row of its weights. Throws INVALID_MODEL. */
export function directionsOf(attributes: Attributes): readonly Direction[] {
  const direction = attributes['direction']
  if (direction === 'forward' || direction === 'reverse') return [direction]
  if (direction === 'bidirectional') return ['forward', 'reverse']
  throw new LanewiseError('INVALID_MODEL', `direction '${direction}' is none of forward, reverse, bidirectional`)
}

/** The names of all activations, `defaults` for each direction unless given, in lower case. Throws INVALID_MODEL. */
export function activationNames(
  attributes: Attributes,
  defaults: readonly RecurrentActivation[],
): readonly RecurrentActivation[] {
  const count = directionsOf(attributes).length
  const given = attributes['activations'] as readonly string[] | undefined
  const names = (given?.length ? given : Array.from({ length: count }, () => defaults).flat()).map((name) =>
    name.toLowerCase(),
  )
  if (names.length !== count * defaults.length)
    throw new LanewiseError(
      'INVALID_MODEL',
      `activations holds ${names.length} names, ${count * defaults.length} are needed`,
    )
  const unknown = names.find((name) => !(knownActivations as readonly string[]).includes(name))
  if (unknown !== undefined) throw new LanewiseError('INVALID_MODEL', `the activation '${unknown}' is not known`)
  return names as RecurrentActivation[]
}

const attributes = {
  activation_alpha: { type: 'floats' },
  activation_beta: { type: 'floats' },
  activations: { type: 'strings' },
  clip: { type: 'float' },
  direction: { type: 'string', default: 'forward' },
  hidden_size: { type: 'int' },
  layout: { type: 'int', default: 0, since: 14 },
} as const satisfies Record<string, AttributeSchema>

function fits(shape: Shape, wanted: readonly Dim[], what: string): void {
  if (
    shape.length !== wanted.length ||
    shape.some((dim, axis) => typeof dim === 'number' && typeof wanted[axis] === 'number' && dim !== wanted[axis])
  )
    throw new LanewiseError('SHAPE_MISMATCH', `${what} ${formatShape(shape)} must be ${formatShape(wanted)}`)
}

/** Types of Y and the last states of a node whose operands are checked against each other. */
function inferRecurrent(context: InferenceContext, kind: CellKind): TensorType[] {
  const { attributes, inputs } = context
  const x = requireFloat(required(context, 0))
  if (x.shape.length !== 3)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `X ${formatShape(x.shape)} must be [steps, N, input] or [N, steps, input]`,
    )
  const batchFirst = intAttribute(attributes, 'layout') === 1
  const [steps, batch] = batchFirst ? [x.shape[1], x.shape[0]] : x.shape
  const directions = directionsOf(attributes).length
  activationNames(attributes, kind.defaults)
  const recurrent = required(context, 2)
  const hidden = (attributes['hidden_size'] as number | undefined) ?? recurrent.shape[2]
  const rows = typeof hidden === 'number' ? kind.gates * hidden : `${kind.gates} * ${hidden}`
  fits(required(context, 1).shape, [directions, rows, x.shape[2]], 'W')
  fits(recurrent.shape, [directions, rows, hidden], 'R')
  if (inputs[3] && typeof rows === 'number') fits(inputs[3].shape, [directions, 2 * rows], 'B')
  if (inputs[4]) fits(inputs[4].shape, [batch], 'sequence_lens')
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  for (let index = 0; index < kind.states; index++)
    if (inputs[5 + index]) fits(inputs[5 + index]!.shape, state, index === 0 ? 'initial_h' : 'initial_c')
  if (inputs[7] && typeof hidden === 'number') fits(inputs[7].shape, [directions, 3 * hidden], 'P')
  const y = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
  return [y, ...Array.from({ length: kind.states }, () => state)].map((shape) => ({ dtype: x.dtype, shape }))
}

const recurrentOp = (kind: CellKind, maxInputs: number, own: Readonly<Record<string, AttributeSchema>> = {}) =>
  ({
    since: 7,
    inputs: [3, maxInputs],
    outputs: [1, 1 + kind.states],
    attributes: { ...attributes, ...own },
    traits: { weights: [1, 2, 3, 7] },
    infer: (context) => inferRecurrent(context, kind),
  }) as const satisfies OpDefinition

/**
 * Recurrent layers over X [steps, N, input] ([N, steps, input] where layout is 1): W [directions, gates * H, input],
 * R [directions, gates * H, H], B? [directions, 2 * gates * H], sequence_lens? [N], initial states? [directions, N, H]
 * -> Y [steps, directions, N, H] and the last states.
 */
export const recurrent = {
  RNN: recurrentOp(rnnCell, 6),
  /** Gates z, r, h (Cho et al., 2014). */
  GRU: recurrentOp(gruCell, 6, { linear_before_reset: { type: 'int', default: 0 } }),
  /** Gates i, o, f, c (Hochreiter and Schmidhuber, 1997); one more state, and P? [directions, 3 H], peepholes of i, o, f. */
  LSTM: recurrentOp(lstmCell, 8, { input_forget: { type: 'int', default: 0 } }),

  /** x, lengths [N] -> x with the first lengths[n] elements of each sequence n backwards. */
  ReverseSequence: {
    since: 10,
    inputs: [2, 2],
    outputs: [1, 1],
    attributes: { batch_axis: { type: 'int', default: 1 }, time_axis: { type: 'int', default: 0 } },
    infer: (context) => {
      const { shape } = required(context, 0)
      const [batch, time] = ['batch_axis', 'time_axis'].map((name) =>
        normalizeAxis(intAttribute(context.attributes, name), shape.length),
      )
      if (shape.length < 2 || batch + time !== 1)
        throw new LanewiseError('SHAPE_MISMATCH', `batch_axis and time_axis must be 0 and 1 of 2 or more axes`)
      fits(required(context, 1).shape, [shape[batch]], 'sequence_lens')
      return sameAsInput(context)
    },
  },
} as const satisfies Record<string, OpDefinition>
