import type { Attributes } from '../../src/core/ir.js'
import { f32, type OpCase } from './case.js'

const gates = { RNN: 1, GRU: 3, LSTM: 4 } as const
type Cell = keyof typeof gates

interface Variant {
  readonly attributes?: Attributes
  readonly bias?: boolean
  readonly lengths?: readonly number[]
  readonly initial?: boolean
  readonly peepholes?: boolean
  readonly only?: readonly Cell[]
}

const batch = 3
const variants: readonly Variant[] = [
  {},
  { attributes: { direction: 'reverse' }, bias: true },
  { attributes: { direction: 'bidirectional' }, bias: true, initial: true },
  { attributes: { direction: 'bidirectional' }, bias: true, lengths: [2, 4, 0] },
  { attributes: { direction: 'bidirectional' }, lengths: [0, 1, 3], initial: true },
  { attributes: { layout: 1 }, bias: true, initial: true },
  { attributes: { layout: 1, direction: 'reverse' }, bias: true, lengths: [1, 3, 4], initial: true },
  { attributes: { clip: 0.4 }, bias: true },
  { attributes: { linear_before_reset: 1 }, bias: true, initial: true, only: ['GRU'] },
  { attributes: { linear_before_reset: 1, direction: 'bidirectional' }, bias: true, lengths: [4, 1, 2], only: ['GRU'] },
  { attributes: { input_forget: 1 }, bias: true, only: ['LSTM'] },
  { attributes: {}, bias: true, initial: true, peepholes: true, only: ['LSTM'] },
  {
    attributes: {
      activations: ['Softsign', 'Affine', 'ScaledTanh'],
      activation_alpha: [0.7, 1.2],
      activation_beta: [0.1, 0.6],
    },
    only: ['LSTM'],
  },
  { attributes: { activations: ['HardSigmoid', 'Elu'], activation_alpha: [0.3, 0.8] }, bias: true, only: ['GRU'] },
  {
    attributes: { activations: ['Softplus', 'LeakyRelu'], direction: 'bidirectional', activation_alpha: [0.2] },
    only: ['RNN'],
  },
  { attributes: { activations: ['Relu'] }, bias: true, only: ['RNN'] },
]

const range = [-0.6, 0.6] as const

/** Small rows check gradients; wide ones leave vectors that are partly filled. */
function rowOf(op: Cell, variant: Variant, small: boolean): OpCase {
  const [steps, input, hidden] = small ? [3, 2, 2] : [4, 5, 6]
  const directions = variant.attributes?.['direction'] === 'bidirectional' ? 2 : 1
  const batchFirst = variant.attributes?.['layout'] === 1
  const rows = gates[op] * hidden
  const state = f32(batchFirst ? [batch, directions, hidden] : [directions, batch, hidden])
  const operands = [
    f32(batchFirst ? [batch, steps, input] : [steps, batch, input]),
    f32([directions, rows, input], { range }),
    f32([directions, rows, hidden], { range }),
    variant.bias ? f32([directions, 2 * rows], { range }) : undefined,
    variant.lengths && {
      shape: [batch],
      dtype: 'int32' as const,
      data: variant.lengths.map((length) => Math.min(length, steps)),
    },
    variant.initial ? state : undefined,
    ...(op === 'LSTM' ? [variant.initial ? state : undefined] : []),
    ...(op === 'LSTM' && variant.peepholes ? [f32([directions, 3 * hidden], { range })] : []),
  ]
  const inputs = operands.slice(0, operands.findLastIndex((operand) => operand !== undefined) + 1)
  const smooth = !/Relu|HardSigmoid|clip/.test(JSON.stringify(variant.attributes ?? {}))
  return {
    op,
    inputs,
    attributes: { hidden_size: hidden, ...variant.attributes },
    outputs: op === 'LSTM' ? 3 : 2,
    note: [variant.lengths && 'lengths', variant.peepholes && 'peepholes'].filter(Boolean).join(' '),
    gradient: small && smooth ? inputs.flatMap((operand, index) => (operand && index !== 4 ? [index] : [])) : [],
  }
}

/** Operands of the recurrences that carry gradients: dy, factors of gates and of what is carried, R. */
const sequence = f32([4, batch, 6], { range })
const carried = (gates: number, carries: number) => [
  sequence,
  f32([4, batch, (gates + carries) * 6], { range }),
  f32([gates * 6, 6], { range }),
]
const all = (inputs: OpCase['inputs']) => inputs.map((_, index) => index)
const recurrences: readonly OpCase[] = [
  { op: 'lanewise.LinearScan', inputs: [sequence, sequence] },
  { op: 'lanewise.LinearScan', inputs: [sequence, sequence, f32([batch, 6])] },
  { op: 'lanewise.RecurrentGradient', inputs: carried(1, 0), outputs: 3 },
  { op: 'lanewise.RecurrentGradient', inputs: carried(3, 1), outputs: 3 },
  { op: 'lanewise.GRUGradient', inputs: carried(3, 2), outputs: 2 },
  { op: 'lanewise.LSTMGradient', inputs: carried(4, 2), outputs: 3 },
  { op: 'lanewise.LSTMGradient', inputs: [...carried(4, 3), f32([batch, 6])], outputs: 3 },
]

export const recurrentCases: readonly OpCase[] = [
  ...recurrences.flatMap((row): OpCase[] =>
    [0, 1].map((reverse) => ({ ...row, attributes: { reverse }, gradient: all(row.inputs) })),
  ),
  ...(['RNN', 'GRU', 'LSTM'] as const).flatMap((op) =>
    variants
      .filter(({ only }) => !only || only.includes(op))
      .flatMap((variant) => [rowOf(op, variant, true), rowOf(op, variant, false)]),
  ),
  { op: 'ReverseSequence', inputs: [f32([4, 3, 2]), { shape: [3], dtype: 'int64', data: [1, 4, 3] }], gradient: [0] },
  {
    op: 'ReverseSequence',
    inputs: [f32([3, 4]), { shape: [3], dtype: 'int64', data: [2, 4, 0] }],
    attributes: { batch_axis: 0, time_axis: 1 },
    gradient: [0],
  },
]
